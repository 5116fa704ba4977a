//! The contract: state, and what each transaction does to it, in three phases.
//!
//! 1. [`admit`](crate::admission::admit): stateless. Decoding, signatures, points, proofs of possession; what
//!    costs pairings only for those who may ask at all.
//! 2. `check_*`: read-only. Everything a transaction needs of the state; cheap checks first.
//! 3. `write_*`: cannot fail, so a refused transaction changes nothing but its sender's counter.
//!
//! Time and height are the block's. Nothing here reads a clock, draws a number or iterates over hashes.

use std::collections::BTreeSet;

use eligo_ledger::application::NextParams;
use eligo_ledger::digest::{Digest, Purpose};
use eligo_ledger::height::Height;
use eligo_ledger::wire::{Reader, Wire, WireError};
use eligo_sharing::beacon::{BeaconKey, Randomness};
use eligo_verifier_contract::{Day, Registry};

use crate::admission::{Admitted, Findings};
use crate::care::{self, Care};
use crate::certificate::{Certificate, Role};
use crate::claim::{self, Claim, Pairings, Stage};
use crate::convene::{self, Convene};
use crate::credits::Credits;
use crate::encoding::List;
use crate::event::{Event, Logged, Place};
use crate::genesis::{Arbiter, GenesisError, MarketGenesis, Parameters};
use crate::index::Index;
use crate::licence::Licensed;
use crate::name::{
    AccountId, ChainId, ClaimId, Lineage, NullifierName, RecordName, RequirementName,
};
use crate::party::{self, Party};
use crate::proxy::{self, Proxy};
use crate::record::{self, Record};
use crate::rejection::Rejection;
use crate::requirement::{self, Requirement, Status};
use crate::table::Table;
use crate::transaction::{Body, ClaimRequest, CountRequest, MAX_ARBITERS};
use crate::{delivery, dispute, governance};

/// How many blocks the reason of a rejected claim is kept.
pub const REJECTIONS_KEPT: u64 = 100_000;
/// The most claims that end by themselves in one block; more wait for the next.
const MOST_ENDINGS: usize = 4096;
/// The longest registry of verifying keys in a snapshot, in bytes.
const MAX_REGISTRY: usize = 1 << 28;

/// The block in which something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its height.
    pub height: Height,
    /// Its time, milliseconds since 1970.
    pub time_ms: u64,
}

impl Moment {
    /// Its time, seconds since 1970.
    #[must_use]
    pub const fn seconds(&self) -> u64 {
        self.time_ms / 1000
    }

    /// Its day in UTC, a civil number.
    ///
    /// # Errors
    /// [`Rejection::Today`] after the last day there is.
    pub fn today(&self) -> Result<u32, Rejection> {
        Day::from_unix(self.seconds())
            .map(Day::number)
            .map_err(|_| Rejection::Today)
    }
}

/// The books are wrong: nothing may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Credits appeared or disappeared.
    #[error("after block {height} there are {found} credits, not {supply}")]
    Credits {
        /// The block.
        height: Height,
        /// What there is.
        found: u128,
        /// What there must be.
        supply: Credits,
    },
}

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What happened; also for a false share, which is refused and yet recorded.
    pub events: Vec<Event>,
    /// Why it was refused, if it was.
    pub rejection: Option<Rejection>,
}

/// The marketplace's state.
#[derive(Clone, Debug)]
pub struct Contract {
    pub(crate) chain: ChainId,
    pub(crate) registrar: AccountId,
    pub(crate) parameters: Parameters,
    pub(crate) arbiters: List<Arbiter, MAX_ARBITERS>,
    pub(crate) supply: Credits,
    pub(crate) height: Height,
    pub(crate) time_ms: u64,
    pub(crate) next: NextParams,
    pub(crate) beacon_round: u64,
    pub(crate) forfeited: Credits,
    pub(crate) balances: Table<AccountId, Credits>,
    pub(crate) counters: Table<AccountId, u64>,
    pub(crate) parties: Table<AccountId, Party>,
    pub(crate) records: Table<RecordName, Record>,
    pub(crate) proxies: Table<AccountId, Proxy>,
    pub(crate) requirements: Table<RequirementName, Requirement>,
    pub(crate) nullifiers: Table<(RequirementName, NullifierName), ClaimId>,
    pub(crate) claims: Table<ClaimId, Claim>,
    pub(crate) rejected: Table<(Height, ClaimId), u32>,
    pub(crate) licences: Table<(Lineage, ClaimId), Licensed>,
    pub(crate) events: Table<Place, Logged>,
    pub(crate) registry: Registry,
    pub(crate) care: Care,
    pub(crate) convene: Convene,
    pub(crate) index: Index,
    /// Rounds posted in the block under way.
    pub(crate) fresh_rounds: Vec<(u64, Randomness)>,
    /// Whether the block under way changed the roster.
    pub(crate) roster_changed: bool,
}

impl Contract {
    /// The state before the first block.
    ///
    /// # Errors
    /// [`GenesisError`], naming the account.
    pub fn new(
        chain: ChainId,
        genesis: &MarketGenesis,
        next: NextParams,
    ) -> Result<Self, GenesisError> {
        genesis.beacon_key()?;
        genesis.parameters.check_proxies()?;
        let mut contract = Self {
            chain,
            registrar: genesis.registrar,
            parameters: genesis.parameters.clone(),
            arbiters: genesis.arbiters.clone(),
            supply: Credits::ZERO,
            height: Height::default(),
            time_ms: 0,
            next,
            beacon_round: 0,
            forfeited: Credits::ZERO,
            balances: Table::default(),
            counters: Table::default(),
            parties: Table::default(),
            records: Table::default(),
            proxies: Table::default(),
            requirements: Table::default(),
            nullifiers: Table::default(),
            claims: Table::default(),
            rejected: Table::default(),
            licences: Table::default(),
            events: Table::default(),
            registry: Registry::new(),
            care: Care::default(),
            convene: Convene::default(),
            index: Index::default(),
            fresh_rounds: Vec::new(),
            roster_changed: false,
        };
        for holding in genesis.holdings.as_slice() {
            if contract.balances.contains(&holding.account) {
                return Err(GenesisError::Twice(holding.account));
            }
            contract.supply = contract
                .supply
                .plus(holding.credits)
                .map_err(|_| GenesisError::Overflow)?;
            contract.balances.insert(holding.account, holding.credits);
        }
        contract.admit_first(genesis.parties.as_slice(), genesis)?;
        Ok(contract)
    }

    fn admit_first(
        &mut self,
        parties: &[Certificate],
        genesis: &MarketGenesis,
    ) -> Result<(), GenesisError> {
        let mut events = Vec::new();
        for certificate in parties {
            let party = certificate.subject;
            let refused = |reason| GenesisError::Party { party, reason };
            party::check_certificate(self, certificate).map_err(refused)?;
            party::write_certify(self, certificate, &mut events);
        }
        for first in genesis.proxies.as_slice() {
            let party = first.account;
            let refused = |reason| GenesisError::Party { party, reason };
            proxy::admit_proxy(&first.entry).map_err(refused)?;
            let organisation =
                proxy::check_register(self, &party, &first.entry).map_err(refused)?;
            proxy::write_register(self, party, &first.entry, organisation, &mut events);
        }
        self.log(None, events);
        Ok(())
    }

    /// The chain it is on.
    #[must_use]
    pub const fn chain(&self) -> &ChainId {
        &self.chain
    }

    /// The last block.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// What the next heights run under.
    #[must_use]
    pub const fn next(&self) -> &NextParams {
        &self.next
    }

    /// Ceremonies, elections, and who runs which replica.
    #[must_use]
    pub const fn convene(&self) -> &Convene {
        &self.convene
    }

    /// The last round of the beacon that a draw waits for.
    pub(crate) fn awaited_round(&self) -> Option<u64> {
        let offers = self.index.draws.last().map(|(round, _)| *round);
        let asks = self.index.care.draws.last().map(|(round, _)| *round);
        let elections = self.convene.pending.last().map(|(round, _)| *round);
        [offers, asks, elections].into_iter().flatten().max()
    }

    // Money

    pub(crate) fn balance(&self, account: &AccountId) -> Credits {
        self.balances.get(account).copied().unwrap_or_default()
    }

    pub(crate) fn require_funds(
        &self,
        account: &AccountId,
        amount: Credits,
    ) -> Result<(), Rejection> {
        self.balance(account).minus(amount).map(|_| ())
    }

    /// Takes what a check found to be there.
    pub(crate) fn debit(&mut self, account: &AccountId, amount: Credits) -> Credits {
        let Some(balance) = self.balances.get_mut(account) else {
            return Credits::ZERO;
        };
        balance.take_up_to(amount)
    }

    pub(crate) fn credit(&mut self, account: AccountId, amount: Credits) {
        if !amount.is_zero() {
            self.balances.entry(account).put(amount);
        }
    }

    /// All credits, wherever they are.
    fn total(&self) -> u128 {
        let credits = |c: &Credits| u128::from(c.get());
        let balances: u128 = self.balances.iter().map(|(_, c)| credits(c)).sum();
        let bonds: u128 = self.parties.iter().map(|(_, p)| credits(&p.bond)).sum();
        let stakes: u128 = self.proxies.iter().map(|(_, p)| credits(&p.stake)).sum();
        let escrows: u128 = self
            .requirements
            .iter()
            .map(|(_, r)| credits(&r.escrow))
            .sum();
        let claims: u128 = self
            .claims
            .iter()
            .map(|(_, c)| {
                let deposit = c
                    .contest
                    .as_ref()
                    .map_or(0, |contest| credits(&contest.deposit));
                credits(&c.reserve) + deposit
            })
            .sum();
        balances + bonds + stakes + escrows + claims + credits(&self.forfeited)
    }

    /// Whether all credits are accounted for.
    ///
    /// # Errors
    /// [`StateError::Credits`].
    pub fn check_books(&self) -> Result<(), StateError> {
        let found = self.total();
        if found == u128::from(self.supply.get()) {
            return Ok(());
        }
        Err(StateError::Credits {
            height: self.height,
            found,
            supply: self.supply,
        })
    }

    // Roles

    pub(crate) fn admitted(&self, account: &AccountId) -> Result<&Party, Rejection> {
        let party = self.parties.get(account).filter(|party| party.admitted);
        party.ok_or(Rejection::NotPermitted)
    }

    pub(crate) fn require_registrar(&self, sender: &AccountId) -> Result<(), Rejection> {
        if *sender == self.registrar {
            Ok(())
        } else {
            Err(Rejection::NotPermitted)
        }
    }

    /// Whether the account judges for a replica that votes.
    pub(crate) fn is_arbiter(&self, account: &AccountId) -> bool {
        self.voting_arbiters().any(|a| a.account == *account)
    }

    /// The arbiters whose replicas vote.
    pub(crate) fn voting_arbiters(&self) -> impl Iterator<Item = &Arbiter> {
        let arbiters = self.arbiters.as_slice().iter();
        arbiters.filter(|a| self.next.roster.voter(a.replica).is_some())
    }

    /// How many of them decide: floor((n+f)/2) + 1 of n, of whom f = floor((n-1)/3) may lie. Replicas that
    /// joined later have no arbiter, so it is not the roster's quorum.
    pub(crate) fn arbiters_quorum(&self) -> usize {
        let accounts: BTreeSet<AccountId> = self.voting_arbiters().map(|a| a.account).collect();
        let n = accounts.len();
        (n + n.saturating_sub(1) / 3) / 2 + 1
    }

    // Blocks

    /// Begins a block.
    pub fn begin_block(&mut self, now: &Moment) {
        self.height = now.height;
        self.time_ms = now.time_ms;
        self.fresh_rounds.clear();
        self.roster_changed = false;
    }

    /// Applies an admitted transaction. `pairings` are those of a claim where they were computed beside
    /// others; without them they are computed here, with the same result.
    pub(crate) fn apply(
        &mut self,
        admitted: &Admitted,
        beacon: &BeaconKey,
        pairings: Option<&Pairings>,
        (now, position): (&Moment, u32),
    ) -> Applied {
        let transaction = admitted.transaction();
        let sender = transaction.sender();
        let last = self.counters.get(&sender).copied();
        if last.is_some_and(|last| transaction.counter() <= last) {
            let (events, rejection) = (Vec::new(), Some(Rejection::Replayed));
            return Applied { events, rejection };
        }
        self.counters.insert(sender, transaction.counter());
        let mut events = Vec::new();
        let first = last.is_none();
        let heeded = self.heed(&sender, transaction.body());
        let outcome = heeded.and_then(|()| {
            let beacon = convene::beacon::key_for(self, transaction.body(), beacon);
            let findings = admitted.findings(&self.chain, &beacon)?;
            self.carry_out((admitted, findings), pairings, (first, now), &mut events)
        });
        let rejection = outcome.err();
        let claims = matches!(transaction.body(), Body::Claim(_) | Body::Count(_));
        if let Some(reason) = rejection
            && claims
        {
            // Its hash and the reason, nothing else.
            let (claim, reason) = (admitted.id(), reason.code());
            self.rejected.insert((now.height, claim), reason);
            self.index.rejected.insert(claim, now.height);
            events.push(Event::ClaimRejected { claim, reason });
        }
        self.log(Some(position), events.clone());
        Applied { events, rejection }
    }

    /// Whether somebody may ask this at all: the cheapest of the read-only checks, before anything is
    /// computed about the content, so that strangers cannot have replicas compute pairings for nothing.
    pub(crate) fn heed(&self, sender: &AccountId, body: &Body) -> Result<(), Rejection> {
        let role = |account: &AccountId, fits: fn(&Role) -> bool| {
            let party = self.admitted(account)?;
            let fits = fits(&party.certificate.role);
            fits.then_some(()).ok_or(Rejection::NotPermitted)
        };
        match body {
            Body::Register(signed) => role(&signed.entry.hospital, |role| {
                matches!(role, Role::Hospital { .. })
            }),
            Body::Publish(_) | Body::Draft(_) => {
                role(sender, |role| matches!(role, Role::Institution))
            }
            Body::RegisterProxy(_) => role(sender, |role| matches!(role, Role::Proxy { .. })),
            Body::BeaconRound { round, .. } => governance::check_round(self, *round),
            Body::Convene(act) => convene::heed(self, sender, act),
            Body::Claim(ClaimRequest { requirement, .. })
            | Body::Count(CountRequest { requirement, .. }) => {
                let known = self.requirements.contains(requirement);
                known.then_some(()).ok_or(Rejection::UnknownRequirement)
            }
            Body::Care(act) => care::heed(self, sender, act),
            _ => Ok(()),
        }
    }

    /// Check, then write, for each kind of transaction.
    fn carry_out(
        &mut self,
        (admitted, findings): (&Admitted, &Findings),
        pairings: Option<&Pairings>,
        (first, now): (bool, &Moment),
        events: &mut Vec<Event>,
    ) -> Result<(), Rejection> {
        let sender = admitted.transaction().sender();
        let id = admitted.id();
        match (admitted.transaction().body(), findings) {
            (Body::Certify(signed), _) => {
                party::check_certify(self, &sender, signed)?;
                party::write_certify(self, &signed.certificate, events);
            }
            (Body::Dismiss { party }, _) => {
                party::check_dismiss(self, &sender, party)?;
                party::write_dismiss(self, *party, events);
            }
            (Body::Transfer { to, amount }, _) => {
                party::check_transfer(self, &sender, *amount)?;
                party::write_transfer(self, sender, *to, *amount, events);
            }
            (Body::DepositBond { amount }, _) => {
                party::check_deposit_bond(self, &sender, *amount)?;
                party::write_deposit_bond(self, sender, *amount, events);
            }
            (Body::WithdrawBond { amount }, _) => {
                party::check_withdraw_bond(self, &sender, *amount)?;
                party::write_withdraw_bond(self, sender, *amount, events);
            }
            (Body::Register(signed), Findings::Entry(capsule)) => {
                let lineage = record::check_register(self, signed)?;
                record::write_register(self, signed, capsule.clone(), lineage, events);
            }
            (Body::WithdrawRecord { record, signature }, _) => {
                record::check_withdraw(self, record, signature)?;
                record::write_withdraw(self, *record, events);
            }
            (Body::RegisterProxy(entry), _) => {
                let organisation = proxy::check_register(self, &sender, entry)?;
                proxy::write_register(self, sender, entry, organisation, events);
            }
            (Body::WithdrawProxy, _) => {
                proxy::check_withdraw(self, &sender)?;
                proxy::write_withdraw(self, sender, events);
            }
            (Body::Publish(offer), Findings::Question(question)) => {
                let publication = requirement::check_publish(self, &sender, offer, question, now)?;
                requirement::write_publish(self, publication, events);
            }
            (Body::Draft(draft), Findings::Question(question)) => {
                let publication = requirement::check_draft(self, &sender, draft, question, now)?;
                requirement::write_publish(self, publication, events);
            }
            (Body::WithdrawRequirement { requirement: name }, _) => {
                requirement::check_withdraw(self, &sender, name)?;
                requirement::close(self, *name, Status::Withdrawn, events);
            }
            (Body::Claim(request), Findings::Claim(parsed)) => {
                let acceptance = claim::check_claim(self, &sender, request, parsed, pairings, now)?;
                claim::write_claim(self, id, acceptance, events);
            }
            (Body::Count(request), Findings::Count(parsed)) => {
                let nullifier = claim::check_count(self, &sender, request, parsed, first, now)?;
                claim::write_count(self, id, (sender, request.requirement), nullifier, events);
            }
            (Body::PostShare { claim, share }, _) => {
                match delivery::check_share(self, &sender, claim, share, now)? {
                    delivery::Posted::Right(place) => {
                        let share = (place, share.clone());
                        delivery::write_share(self, sender, *claim, share, now, events);
                    }
                    delivery::Posted::False => {
                        delivery::write_false_share(self, sender, *claim, share, events);
                        return Err(Rejection::FalseShare);
                    }
                }
            }
            (Body::Settle { claim }, _) => {
                delivery::check_settle(self, claim, now)?;
                delivery::write_settle(self, *claim, events);
            }
            (Body::Expire { claim }, _) => {
                delivery::check_expire(self, claim, now)?;
                delivery::write_expire(self, *claim, events);
            }
            (Body::Revoke { claim, revocation }, _) => {
                delivery::check_revoke(self, claim, revocation)?;
                delivery::write_revoke(self, *claim, now, events);
            }
            (Body::Dispute { claim, evidence }, _) => {
                let raised = dispute::check_dispute(self, &sender, claim, evidence, now)?;
                dispute::write_dispute(self, sender, *claim, (raised, evidence), now, events);
            }
            (Body::Verdict { claim, finding }, _) => {
                dispute::check_verdict(self, &sender, claim)?;
                dispute::write_verdict(self, sender, (*claim, *finding), events);
            }
            (Body::BeaconRound { round, .. }, Findings::Round(randomness)) => {
                governance::check_round(self, *round)?;
                governance::write_round(self, *round, *randomness, events);
            }
            (Body::Govern(change), _) => {
                let roster = governance::check_govern(self, &sender, change)?;
                governance::write_govern(self, change, roster, events);
            }
            (Body::Ready { replica }, _) => governance::check_ready(self, &sender, *replica)?,
            (Body::Care(act), Findings::Care(finding)) => {
                care::carry_out(self, sender, (act, finding), now, events)?;
            }
            (Body::Convene(act), _) => convene::carry_out(self, sender, act, now, events)?,
            (
                Body::Register(_)
                | Body::Publish(_)
                | Body::Draft(_)
                | Body::Claim(_)
                | Body::Count(_)
                | Body::BeaconRound { .. }
                | Body::Care(_),
                _,
            ) => return Err(Rejection::Malformed),
        }
        Ok(())
    }

    /// What happens by itself: draws, revocations, expiry, settlement, decisions, deadlines. Then the books
    /// are checked.
    ///
    /// # Errors
    /// [`StateError`]: fatal.
    pub fn end_block(&mut self, now: &Moment) -> Result<(), StateError> {
        let mut events = Vec::new();
        let rounds = std::mem::take(&mut self.fresh_rounds);
        for (round, randomness) in &rounds {
            proxy::draw_pending(self, *round, *randomness, &mut events);
        }
        care::end_block(self, &rounds, now, &mut events);
        convene::end_block(self, &rounds, now, &mut events);
        delivery::end_revoked(self, now.height, &mut events);
        self.end_due(now, &mut events);
        if let Ok(today) = now.today() {
            requirement::close_past(self, today, &mut events);
        }
        self.forget_rejections();
        self.log(None, events);
        self.check_books()
    }

    fn end_due(&mut self, now: &Moment, events: &mut Vec<Event>) {
        let due: Vec<ClaimId> = self
            .index
            .due
            .iter()
            .take_while(|(due_ms, _)| *due_ms < now.time_ms)
            .take(MOST_ENDINGS)
            .map(|(_, id)| *id)
            .collect();
        for id in due {
            match self.claims.get(&id).map(|claim| claim.stage) {
                Some(Stage::Accepted) => delivery::write_expire(self, id, events),
                Some(Stage::Delivered) => delivery::write_settle(self, id, events),
                Some(Stage::Disputed) => dispute::decide(self, id, None, events),
                _ => {}
            }
        }
    }

    fn forget_rejections(&mut self) {
        let Some(before) = self.height.get().checked_sub(REJECTIONS_KEPT) else {
            return;
        };
        let end = (Height::new(before), ClaimId::new([0; 32]));
        let old: Vec<_> = self.rejected.range(..end).map(|(key, _)| *key).collect();
        for key in old {
            self.rejected.remove(&key);
            if self.index.rejected.get(&key.1) == Some(&key.0) {
                self.index.rejected.remove(&key.1);
            }
        }
    }

    fn log(&mut self, transaction: Option<u32>, events: Vec<Event>) {
        let here = Place {
            height: self.height,
            number: u32::MAX,
        };
        let last = self
            .events
            .range(..=here)
            .next_back()
            .map(|(place, _)| *place);
        let mut number = match last {
            Some(place) if place.height == self.height => place.number.saturating_add(1),
            _ => 0,
        };
        for event in events {
            let height = self.height;
            let place = Place { height, number };
            self.index.add_event(place, &event);
            let time_ms = self.time_ms;
            let logged = Logged {
                time_ms,
                transaction,
                event,
            };
            self.events.insert(place, logged);
            number = number.saturating_add(1);
        }
    }

    /// A digest of the whole state.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut head = Vec::new();
        self.encode_head(&mut head);
        let tables = [
            self.balances.digest(),
            self.counters.digest(),
            self.parties.digest(),
            self.records.digest(),
            self.proxies.digest(),
            self.requirements.digest(),
            self.nullifiers.digest(),
            self.claims.digest(),
            self.rejected.digest(),
            self.licences.digest(),
            self.events.digest(),
        ];
        let mut parts: Vec<&[u8]> = vec![b"market", &head];
        parts.extend(tables.iter().map(|digest| digest.as_bytes().as_slice()));
        let registry = self.registry.digest();
        parts.push(&registry);
        let care = self.care.digest();
        if let Some(care) = &care {
            parts.extend([b"care".as_slice(), care.as_bytes()]);
        }
        let convene = self.convene.digest();
        if let Some(convene) = &convene {
            parts.extend([b"convene".as_slice(), convene.as_bytes()]);
        }
        Purpose::Application.hash(&parts)
    }

    fn encode_head(&self, out: &mut Vec<u8>) {
        self.chain.encode(out);
        self.registrar.encode(out);
        self.parameters.encode(out);
        self.arbiters.encode(out);
        self.supply.encode(out);
        self.height.encode(out);
        self.time_ms.encode(out);
        self.next.encode(out);
        self.beacon_round.encode(out);
        self.forfeited.encode(out);
    }
}

/// The whole state, for snapshots. Every verifying key is linted again when it is read; capsules and grants
/// are checked again when they are first used.
impl Wire for Contract {
    const MIN_SIZE: usize = 256;
    fn encode(&self, out: &mut Vec<u8>) {
        self.encode_head(out);
        self.balances.encode(out);
        self.counters.encode(out);
        self.parties.encode(out);
        self.records.encode(out);
        self.proxies.encode(out);
        self.requirements.encode(out);
        self.nullifiers.encode(out);
        self.claims.encode(out);
        self.rejected.encode(out);
        self.licences.encode(out);
        self.events.encode(out);
        eligo_ledger::wire::encode_bytes(&self.registry.to_bytes(), out);
        self.care.encode(out);
        self.convene.encode(out);
    }
    fn decode(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut contract = Self {
            chain: Wire::decode(r)?,
            registrar: Wire::decode(r)?,
            parameters: Wire::decode(r)?,
            arbiters: Wire::decode(r)?,
            supply: Wire::decode(r)?,
            height: Wire::decode(r)?,
            time_ms: Wire::decode(r)?,
            next: Wire::decode(r)?,
            beacon_round: Wire::decode(r)?,
            forfeited: Wire::decode(r)?,
            balances: Wire::decode(r)?,
            counters: Wire::decode(r)?,
            parties: Wire::decode(r)?,
            records: Wire::decode(r)?,
            proxies: Wire::decode(r)?,
            requirements: Wire::decode(r)?,
            nullifiers: Wire::decode(r)?,
            claims: Wire::decode(r)?,
            rejected: Wire::decode(r)?,
            licences: Wire::decode(r)?,
            events: Wire::decode(r)?,
            registry: Registry::from_bytes(r.bytes("registry", MAX_REGISTRY)?)
                .map_err(|_| WireError::Invalid { what: "registry" })?,
            care: Wire::decode(r)?,
            convene: Wire::decode(r)?,
            index: Index::default(),
            fresh_rounds: Vec::new(),
            roster_changed: false,
        };
        contract.index = Index::of(&contract);
        Ok(contract)
    }
}
