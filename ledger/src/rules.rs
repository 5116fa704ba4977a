//! The rules whose absence broke real systems, each with a switch that only the simulator can turn.
//!
//! A replica outside the simulator always runs under [`Rules::ALL`]: no public function makes any
//! other value. Tests turn one rule off at a time and must see the checkers object.

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A VIEW-CHANGE carries the sender's prepared certificate (Sawtooth, cothority, raijin).
    ViewChangeCarriesPrepared,
    /// A claimed prepared certificate is checked.
    PreparedIsProven,
    /// Of several prepared certificates that of the highest view wins.
    HighestPreparedWins,
    /// No vote in a view after the VIEW-CHANGE that left it.
    SilentAfterViewChange,
    /// A NEW-VIEW needs a quorum of VIEW-CHANGEs, not f+1.
    NewViewNeedsQuorum,
    /// Backups compute the NEW-VIEW's proposal themselves.
    NewViewRecomputed,
    /// An invalid prepared certificate spoils its own VIEW-CHANGE only (concord-bft).
    InvalidPreparedIsolated,
    /// PREPARE and COMMIT sign different bytes (raijin).
    KindsSeparated,
    /// Votes are on disk before they are sent.
    PersistBeforeSend,
    /// A PRE-PREPARE counts in its own view only (FISCO-BCOS).
    ViewMatches,
    /// One digest is accepted for a view and height.
    OneDigestPerView,
    /// A block names the committed block before it (FISCO-BCOS).
    ParentChecked,
    /// Certified blocks are executed also while a view change runs (Fabric SmartBFT, Sawtooth).
    CommitDuringViewChange,
    /// Only the next height is accepted; a faulty primary cannot exhaust the sequence space.
    HeightWindow,
    /// A checkpoint is of the state, not of the block.
    CheckpointOfState,
    /// State from others is accepted with a quorum's proof.
    StateIsProven,
    /// A request is executed once, also when it is proposed again.
    RequestsOnce,
    /// A backup that knows of a request starts the timer.
    BackupsArmTimer,
    /// A primary that keeps passing over a request loses its turn.
    NoStarvation,
    /// The timer doubles with every failed view.
    TimersDouble,
    /// Only committed work resets the timer (nimiq).
    TimerResetByCommit,
    /// Messages for later are kept one per sender and kind.
    BuffersBounded,
    /// Votes of a height are counted in the roster of that height.
    RosterOfHeight,
    /// The next header carries the application's hash: a diverging replica stops.
    AppHashChecked,
    /// Commit needs floor((n+f)/2)+1 votes, not 2f+1, when n is not 3f+1.
    QuorumsIntersect,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Rule; 25] = [
        Rule::ViewChangeCarriesPrepared,
        Rule::PreparedIsProven,
        Rule::HighestPreparedWins,
        Rule::SilentAfterViewChange,
        Rule::NewViewNeedsQuorum,
        Rule::NewViewRecomputed,
        Rule::InvalidPreparedIsolated,
        Rule::KindsSeparated,
        Rule::PersistBeforeSend,
        Rule::ViewMatches,
        Rule::OneDigestPerView,
        Rule::ParentChecked,
        Rule::CommitDuringViewChange,
        Rule::HeightWindow,
        Rule::CheckpointOfState,
        Rule::StateIsProven,
        Rule::RequestsOnce,
        Rule::BackupsArmTimer,
        Rule::NoStarvation,
        Rule::TimersDouble,
        Rule::TimerResetByCommit,
        Rule::BuffersBounded,
        Rule::RosterOfHeight,
        Rule::AppHashChecked,
        Rule::QuorumsIntersect,
    ];
}

impl std::str::FromStr for Rule {
    type Err = UnknownRule;
    fn from_str(name: &str) -> Result<Self, UnknownRule> {
        let mut all = Rule::ALL.into_iter();
        all.find(|r| format!("{r:?}") == name).ok_or(UnknownRule)
    }
}

/// No rule has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no rule has this name")]
pub struct UnknownRule;

/// Which rules a replica keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    off: Option<Rule>,
}

impl Rules {
    /// Every rule: what every replica outside the simulator runs under.
    pub const ALL: Rules = Rules { off: None };

    /// All but one, for the simulator.
    pub(crate) const fn without(rule: Option<Rule>) -> Rules {
        Rules { off: rule }
    }

    /// Whether a rule is kept.
    #[must_use]
    pub fn keep(&self, rule: Rule) -> bool {
        self.off != Some(rule)
    }
}
