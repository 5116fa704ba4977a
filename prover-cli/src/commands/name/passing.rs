//! Records passed on from one organisation's name to another's, by a proxy that cannot read them.

use clap::Args;
use eligo_marketplace::{convene::named::pass_on, name::AccountId};
use rand_core::OsRng;
use serde_json::json;

use crate::{
    care::form::Form,
    console::Console,
    failure::{Attempt, Failure, Kind},
    file::{Access, Source, Target},
    naming::{self, Delegation, NameCapsule, Porter, PorterCard, ReadCapsule, WrittenName},
};

/// Make a proxy's key
#[derive(Args, Debug)]
pub struct MakeProxy {
    /// The secret key file to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// The card to write, which everyone may have
    #[arg(long, value_name = "FILE")]
    card: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn make_proxy(args: &MakeProxy, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    args.card.check(args.force)?;
    let porter = Porter::generate();
    let (text, card) = (porter.text()?, porter.card()?.text()?);
    args.output
        .write(text.as_bytes(), Access::Secret, args.force)?;
    args.card
        .write(card.as_bytes(), Access::Public, args.force)?;
    console.say(format!(
        "{}: to read delegations with\n{}: for those who delegate",
        args.output, args.card
    ));
    console.object(json!({ "key": args.output.to_string(), "card": args.card.to_string() }));
    Ok(0)
}

/// Let a proxy pass a record on
#[derive(Args, Debug)]
pub struct Delegate {
    /// The key of the record's name (eligo name take)
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The institution it goes to: its account
    #[arg(long, value_name = "ACCOUNT")]
    to: AccountId,
    /// Its role
    #[arg(long, value_name = "NAME")]
    role: String,
    /// The role's epoch, as `eligo name ask` said it there
    #[arg(long, value_name = "N")]
    epoch: u64,
    /// The proxy's card (eligo name proxy)
    #[arg(long, value_name = "CARD")]
    proxy: Source,
    /// The delegation to write, which the proxy alone can read
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn delegate(args: &Delegate, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let (file, key, authorities) = naming::read_key(&args.key, console)?;
    if matches!(file.name, WrittenName::Role { .. }) {
        return Err(Failure::file(&args.key, "the key of a role").help(
            "a delegation of a role would pass on all that is sealed to it; give a record's key",
        ));
    }
    let card = PorterCard::read(&args.proxy)?;
    let role = WrittenName::Role {
        role: args.role.clone(),
        epoch: args.epoch,
    };
    let to = role.identity(&args.to)?;
    let delegation = pass_on(&key, &to, &authorities, &mut OsRng);
    let delegation = delegation.map_err(|e| Failure::file(&args.key, e))?;
    let letter = Delegation::write(&file, (args.to, role.clone()), &delegation, &card)?;
    args.output
        .write(letter.text()?.as_bytes(), Access::Public, args.force)?;
    console.say(format!(
        "{}: {} goes to {} ({role}); for the proxy\nnext: eligo name transform --key PORTER --delegation {} --capsule CAPSULE -o FILE",
        args.output, file.name, args.to, args.output
    ));
    console.object(json!({
        "delegation": args.output.to_string(),
        "to": args.to.to_string(),
        "role": args.role,
        "epoch": args.epoch,
    }));
    Ok(0)
}

/// Pass a record on
#[derive(Args, Debug)]
pub struct Transform {
    /// The proxy's key
    #[arg(long, value_name = "FILE")]
    key: Source,
    /// The delegation
    #[arg(long, value_name = "FILE")]
    delegation: Source,
    /// The capsule as it was sealed
    #[arg(long, value_name = "FILE")]
    capsule: Source,
    /// The capsule to write, for the other institution
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn transform(args: &Transform, console: &Console) -> Attempt<u8> {
    args.output.check(args.force)?;
    let porter = Porter::read_secret(&args.key, console)?;
    let letter = Delegation::read(&args.delegation)?;
    let delegation = letter.open(&porter).map_err(|e| e.of(&args.delegation))?;
    let ReadCapsule::Sealed(capsule) = NameCapsule::open(&args.capsule)? else {
        return Err(Failure::file(&args.capsule, "was passed on already")
            .help("give the capsule that `eligo name seal` wrote"));
    };
    let passed = capsule.transform(&delegation).map_err(|e| {
        Failure::new(Kind::File, e).of(&args.capsule).help(
            "a delegation passes on one version of one record; give that one's unaltered capsule",
        )
    })?;
    let text = NameCapsule::passed(&passed).text()?;
    args.output
        .write(text.as_bytes(), Access::Public, args.force)?;
    console.say(format!(
        "{}: {} passed on to {} ({})",
        args.output, letter.record, letter.to, letter.role
    ));
    console.object(json!({
        "capsule": args.output.to_string(),
        "to": letter.to.to_string(),
    }));
    Ok(0)
}
