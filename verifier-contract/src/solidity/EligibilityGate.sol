
/// @title Accepts claims on one requirement of the eligibility statement.
/// @notice Public inputs are set by this contract wherever it can know them; a claimant supplies
/// the nullifier, the sealed record and the day, each of which is checked.
contract EligibilityGate is Groth16Verifier {
    /// The nullifier was used: one claim per person and requirement.
    error AlreadyClaimed(uint256 nullifier);
    /// The day is neither the block's nor the one before it (UTC).
    error NotToday(uint256 today);
    /// A sale must name a registered record, and a count none.
    error WrongRecord(uint256 sealedRecord);
    /// Only the registrar registers records.
    error NotRegistrar();
    /// A value that no public input can have.
    error NotAFieldElement();

    /// An accepted claim.
    event Claimed(uint256 indexed nullifier, uint256 indexed sealedRecord, address claimant, bytes32 grant);
    /// A record that sales may name.
    event Registered(uint256 indexed sealedRecord);

    /// P(7, schema, program, terms), as the requirement was published.
    uint256 public immutable requirement;
    /// Root of the accepted issuers' tree.
    uint256 public immutable issuers;
    /// Who registers records; zero where claims are only counted.
    address public immutable registrar;

    /// Nullifiers of accepted claims.
    mapping(uint256 => bool) public claimed;
    /// Records that sales may name.
    mapping(uint256 => bool) public registered;

    constructor(uint256 requirement_, uint256 issuers_, address registrar_) {
        if (requirement_ >= ORDER || issuers_ >= ORDER || block.chainid > type(uint64).max) {
            revert NotAFieldElement();
        }
        requirement = requirement_;
        issuers = issuers_;
        registrar = registrar_;
    }

    uint256 private constant ORDER =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// Lets sales name a record.
    function register(uint256 sealedRecord) external {
        if (msg.sender != registrar) revert NotRegistrar();
        if (sealedRecord == 0 || sealedRecord >= ORDER) revert NotAFieldElement();
        registered[sealedRecord] = true;
        emit Registered(sealedRecord);
    }

    /// Accepts the sender's claim, or reverts and changes nothing.
    function claim(
        uint256[8] calldata proof,
        uint256 nullifier,
        uint256 sealedRecord,
        uint256 today,
        bytes32 grant
    ) external {
        if (claimed[nullifier]) revert AlreadyClaimed(nullifier);
        bool sale = registrar != address(0);
        if (sale ? !registered[sealedRecord] : sealedRecord != 0) revert WrongRecord(sealedRecord);
        if (today != civilDay(block.timestamp) && today != civilDay(block.timestamp - 1 days)) {
            revert NotToday(today);
        }
        // Through this contract's own interface, for `verify` reads its arguments from call data.
        this.verify(proof, [requirement, issuers, nullifier, sealedRecord, today, context(msg.sender, grant)]);
        claimed[nullifier] = true;
        emit Claimed(nullifier, sealedRecord, msg.sender, grant);
    }

    /// F("context", chain, contract, account, grant): what binds a proof to one sender.
    function context(address account, bytes32 grant) public view returns (uint256) {
        bytes32 digest = sha256(
            abi.encodePacked(
                uint32(7), "context",
                uint32(8), uint64(block.chainid),
                uint32(20), address(this),
                uint32(20), account,
                uint32(32), grant
            )
        );
        return uint256(digest) >> 8;
    }

    /// 372 (year - 1900) + 31 (month - 1) + (day - 1) of a time in seconds since 1970, UTC.
    function civilDay(uint256 time) public pure returns (uint256) {
        unchecked {
            // Eras of 400 years that begin on 1 March.
            uint256 day = time / 1 days + 719468;
            uint256 era = day / 146097;
            day %= 146097;
            uint256 year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
            day -= 365 * year + year / 4 - year / 100;
            uint256 march = (5 * day + 2) / 153;
            day -= (153 * march + 2) / 5;
            year += 400 * era;
            return march < 10
                ? 372 * (year - 1900) + 31 * (march + 2) + day
                : 372 * (year - 1899) + 31 * (march - 10) + day;
        }
    }
}
