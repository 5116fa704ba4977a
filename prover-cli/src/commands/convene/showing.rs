//! Who is in office, which keys are in force, what is under way.

use std::collections::BTreeMap;

use clap::Args;
use eligo_marketplace::{
    client::{Client, Desk, HttpDesk},
    convene::{
        act::KeyPurpose,
        transcript::Stage,
        view::{CeremonyView, ElectionView, OfficesView},
    },
    name::AccountId,
};
use eligo_sharing::domain::sha256;
use serde_json::{Value, json};

use crate::{
    console::Console,
    failure::{Attempt, Failure},
    market::connection::NodeArgs,
    moment,
};

/// Who is in office
#[derive(Args, Debug)]
pub struct Show {
    #[command(flatten)]
    node: NodeArgs,
}

pub fn show(args: &Show, console: &Console) -> Attempt<u8> {
    let client = args.node.connect(console)?;
    let mut names = Names::new(&client);
    let missing = || Failure::unexpected("a node that does not tell who is in office");
    let offices = client.offices()?.ok_or_else(missing)?;
    let beacon = client.beacon()?.ok_or_else(missing)?;
    let mut ceremonies = client.ceremonies()?;
    ceremonies.sort_by_key(|c| c.serial);
    let elections = client.elections()?;
    let key = match beacon.ceremony {
        Some(ceremony) => format!("ceremony {ceremony}'s key since round {}", beacon.since),
        None => "the genesis document's key".to_owned(),
    };
    console.say(format!("beacon      round {}; {key}", beacon.round));
    let keys = tell_keys(&client, &ceremonies, console)?;
    let running = tell_running(&client, &ceremonies, &mut names, console)?;
    tell_offices(&offices, &mut names, console)?;
    let hospitals = tell_hospitals(&client, &mut names, console)?;
    let roster = tell_roster(&client, console)?;
    tell_elections(&elections, &mut names, console)?;
    console.object(json!({
        "beacon": {
            "round": beacon.round,
            "ceremony": beacon.ceremony.map(|c| c.to_string()),
            "since": beacon.since,
            "signed": beacon.signed,
        },
        "keys": keys,
        "ceremonies": running,
        "policy": offices.policy,
        "endorsers": offices.endorsers,
        "replicas": serde_json::to_value(&offices.replicas).map_err(Failure::unexpected)?,
        "proxies": serde_json::to_value(&offices.proxies).map_err(Failure::unexpected)?,
        "roster": roster,
        "hospitals": hospitals,
        "elections": serde_json::to_value(&elections).map_err(Failure::unexpected)?,
    }));
    Ok(0)
}

/// The certified names of accounts.
struct Names<'a> {
    client: &'a Client<HttpDesk>,
    known: BTreeMap<AccountId, String>,
}

impl<'a> Names<'a> {
    const fn new(client: &'a Client<HttpDesk>) -> Self {
        let known = BTreeMap::new();
        Self { client, known }
    }

    /// The name, or the account where there is none.
    fn of(&mut self, account: &AccountId) -> Attempt<String> {
        if let Some(name) = self.known.get(account) {
            return Ok(name.clone());
        }
        let party = self.client.account(account)?.and_then(|seen| seen.party);
        let name = party.map_or_else(|| account.to_string(), |party| party.name);
        self.known.insert(*account, name.clone());
        Ok(name)
    }

    fn list(&mut self, accounts: &[AccountId]) -> Attempt<String> {
        let names = accounts.iter().map(|account| self.of(account));
        Ok(names.collect::<Attempt<Vec<_>>>()?.join(", "))
    }
}

const fn purpose_name(purpose: KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::Identity => "identity",
        KeyPurpose::Gate => "gate",
        KeyPurpose::Beacon => "beacon",
    }
}

/// Keys in force, each as it follows from what its authorities said on the ledger.
fn tell_keys<D: Desk>(
    client: &Client<D>,
    ceremonies: &[CeremonyView],
    console: &Console,
) -> Attempt<Vec<Value>> {
    let mut keys = Vec::new();
    for view in ceremonies.iter().filter(|c| c.in_force) {
        let Some(key) = client.settled_key(view)? else {
            continue;
        };
        let purpose = purpose_name(view.purpose);
        let digest = hex::encode(sha256(&key.to_bytes()));
        console.say(format!(
            "key         {purpose}: ceremony {}, {} of {} authorities; digest {digest}",
            view.ceremony,
            view.threshold,
            view.authorities.len()
        ));
        keys.push(json!({
            "purpose": purpose,
            "ceremony": view.ceremony.to_string(),
            "threshold": view.threshold,
            "authorities": view.authorities.iter().map(|a| a.account.to_string()).collect::<Vec<_>>(),
            "digest": digest,
        }));
    }
    Ok(keys)
}

/// Ceremonies: which round it is, for whom it waits, and who failed.
fn tell_running(
    client: &Client<HttpDesk>,
    ceremonies: &[CeremonyView],
    names: &mut Names<'_>,
    console: &Console,
) -> Attempt<Vec<Value>> {
    let mut told = Vec::new();
    for view in ceremonies {
        let waited = waited_for(client, view)?;
        let stage = serde_json::to_value(view.stage).map_err(Failure::unexpected)?;
        let stage = stage.as_str().unwrap_or_default();
        let purpose = purpose_name(view.purpose);
        let mut line = format!("ceremony    {}: {purpose}, {stage}", view.ceremony);
        if !view.stage.is_over() {
            line = format!(
                "{line}, until {} at least; waits for {}",
                moment::show(view.ends_ms / 1000),
                names.list(&waited)?
            );
        }
        console.say(line);
        let mut faults = Vec::new();
        for fault in &view.faults {
            let kind = serde_json::to_value(fault.fault).map_err(Failure::unexpected)?;
            let name = names.of(&fault.authority)?;
            console.say(format!("            {name} failed: {kind}"));
            faults.push(json!({ "authority": fault.authority.to_string(), "fault": kind }));
        }
        told.push(json!({
            "ceremony": view.ceremony.to_string(),
            "purpose": purpose,
            "stage": stage,
            "ends_ms": view.ends_ms,
            "waits_for": waited.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "faults": faults,
            "in_force": view.in_force,
        }));
    }
    Ok(told)
}

/// Who has not spoken in the round that runs and whose turn it is, by what stands on the ledger.
fn waited_for(client: &Client<HttpDesk>, view: &CeremonyView) -> Attempt<Vec<AccountId>> {
    if view.stage.is_over() {
        return Ok(Vec::new());
    }
    let transcript = client.transcript(view)?;
    let everyone = || transcript.participants().collect::<Vec<_>>();
    let turn = match view.stage {
        Stage::Answer => transcript.accused().into_iter().collect(),
        Stage::Expose => transcript
            .qualify()
            .map_or_else(|_| everyone(), |qualified| qualified.dealers().collect()),
        _ => everyone(),
    };
    let silent = turn
        .into_iter()
        .filter(|who| !transcript.has_spoken(*who, view.stage));
    let accounts = silent.filter_map(|who| {
        let at = usize::from(who.number()).checked_sub(1)?;
        Some(view.authorities.get(at)?.account)
    });
    Ok(accounts.collect())
}

fn tell_offices(offices: &OfficesView, names: &mut Names<'_>, console: &Console) -> Attempt<()> {
    let how = match offices.policy.as_str() {
        "sticky" => "one replica until it fails",
        "rotation" => "primaries: tertiary and secondary hospitals in rotation",
        "endorsers" => "endorsers in turn",
        "beacon" => "orderers, in an order drawn by the beacon",
        _ => "in proportion to power",
    };
    console.say(format!("proposing   {how}"));
    for replica in &offices.replicas {
        let host = match &replica.hospital {
            Some(hospital) => names.of(hospital)?,
            None => "nobody named".to_owned(),
        };
        let turn = offices
            .endorsers
            .iter()
            .position(|id| *id == replica.replica);
        let verifies = offices.policy == "rotation" && replica.class == "community";
        let part = match (replica.may_propose, turn) {
            (_, Some(turn)) => format!("endorser {}", turn + 1),
            (true, None) if verifies => "verifies".to_owned(),
            (true, None) if offices.policy != "endorsers" => "may propose".to_owned(),
            (true, None) => "stands by".to_owned(),
            (false, None) => "does not propose".to_owned(),
        };
        let region = match replica.region.as_str() {
            "" => "no region",
            region => region,
        };
        let votes = if replica.votes { "votes" } else { "observes" };
        console.say(format!(
            "replica {:<3} {host}: {}, {region}; {votes}, {part}",
            replica.replica, replica.class
        ));
    }
    if let Some(proxies) = &offices.proxies {
        let accounts: Vec<AccountId> = proxies.iter().map(|p| p.account).collect();
        console.say(format!("proxies     in office: {}", names.list(&accounts)?));
    }
    Ok(())
}

fn tell_hospitals(
    client: &Client<HttpDesk>,
    names: &mut Names<'_>,
    console: &Console,
) -> Attempt<Vec<Value>> {
    let mut told = Vec::new();
    for seen in client.hospitals()? {
        let party = client.account(&seen.hospital)?.and_then(|a| a.party);
        let level = party.as_ref().and_then(|party| party.level);
        let level = serde_json::to_value(level).map_err(Failure::unexpected)?;
        let admitted = party.is_some_and(|party| party.admitted);
        let mut line = format!(
            "hospital    {}: {}, {}",
            names.of(&seen.hospital)?,
            level.as_str().unwrap_or("of no level"),
            seen.region.as_deref().unwrap_or("no region")
        );
        if let Some(vote) = &seen.vote {
            line = format!("{line}, votes for {}", names.of(vote)?);
        }
        if !admitted {
            line.push_str(", dismissed");
        }
        console.say(line);
        told.push(json!({
            "hospital": seen.hospital.to_string(),
            "level": level,
            "admitted": admitted,
            "region": seen.region,
            "replica": seen.replica,
            "vote": seen.vote.map(|v| v.to_string()),
            "endorses": seen.endorses,
        }));
    }
    Ok(told)
}

/// The proxies' keys in force.
fn tell_roster<D: Desk>(client: &Client<D>, console: &Console) -> Attempt<Vec<Value>> {
    let mut told = Vec::new();
    for proxy in client.proxies()? {
        let state = match (proxy.jailed, proxy.duties) {
            (true, _) => "lied, and is drawn no more".to_owned(),
            (false, 0) => "serves nothing now".to_owned(),
            (false, 1) => "one duty".to_owned(),
            (false, duties) => format!("{duties} duties"),
        };
        let short = proxy.key.get(..16).unwrap_or(&proxy.key);
        console.say(format!("proxy       {}: key {short}, {state}", proxy.name));
        told.push(json!({
            "account": proxy.account.to_string(),
            "key": proxy.key,
            "duties": proxy.duties,
            "jailed": proxy.jailed,
        }));
    }
    Ok(told)
}

fn tell_elections(
    elections: &[ElectionView],
    names: &mut Names<'_>,
    console: &Console,
) -> Attempt<()> {
    for election in elections {
        // Who proposes is one office, proxies are the other: the last election fills it.
        let proxies = election.office == "proxies";
        let mut later = elections
            .iter()
            .filter(|e| e.election > election.election && e.elected.is_some());
        let over = later.any(|later| (later.office == "proxies") == proxies);
        let state = if over { "over" } else { "in force" };
        let result = match (&election.elected, election.round) {
            (Some(elected), _) if elected.is_empty() => state.to_owned(),
            (Some(elected), _) => format!("elected {}; {state}", names.list(elected)?),
            (None, Some(round)) => format!("waits for round {round} of the beacon"),
            (None, None) => "waits".to_owned(),
        };
        console.say(format!(
            "election    {} of {}: {result}",
            election.election, election.office
        ));
    }
    Ok(())
}
