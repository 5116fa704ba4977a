//! A credential as its holder has it.

use eligo_circuits::{
    credential::{Credential, CredentialError, MAX_CREDENTIAL_BYTES, UseError},
    statement::HolderSecret,
};
use eligo_records::{civil::CivilDay, schema::Schema};
use eligo_sharing::wallet::Wallet;

use crate::{
    console::Console,
    failure::{Attempt, Failure, Kind},
    file::Source,
    schemas,
};

/// A credential file whose parts agree.
pub struct Held {
    source: Source,
    credential: Credential,
}

impl Held {
    /// Reads a credential over a schema that ships, or one of `given`.
    pub fn read(source: &Source, given: &[Schema], console: &Console) -> Attempt<Self> {
        let bytes = source.read_secret(MAX_CREDENTIAL_BYTES, console)?;
        let of = |e: CredentialError| refused(source, &e);
        let reference = Credential::schema_of(&bytes).map_err(of)?;
        let schema = schemas::named(&reference.id, given).ok_or_else(|| {
            let what = format!(
                "over the schema `{}` version {} ({}), which is not at hand",
                reference.name, reference.version, reference.id
            );
            Failure::file(source, what)
                .at("schema")
                .help("give the schema's file with --schema-file")
        })?;
        let credential = Credential::from_json(&bytes, schema).map_err(of)?;
        Ok(Self {
            source: source.clone(),
            credential,
        })
    }

    /// Where it was read.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The credential.
    pub const fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Refuses a credential of another wallet, or outside its days.
    pub fn usable(&self, secret: &HolderSecret, today: CivilDay) -> Attempt<()> {
        let usable = self.credential.usable(secret, today);
        usable.map_err(|e| self.unusable(&e))
    }

    /// Why this credential cannot be used.
    pub fn unusable(&self, error: &UseError) -> Failure {
        let (kind, help) = match error {
            UseError::WrongWallet => (
                Kind::File,
                "use the wallet whose holder document the hospital was given",
            ),
            UseError::NotYetValid { .. } => (
                Kind::Closed,
                "wait until then, or give --today for another day",
            ),
            UseError::Expired { .. } => (Kind::Closed, "ask the hospital to issue it again"),
            UseError::UnknownIssuer { .. } => (
                Kind::UntrustedIssuer,
                "use a credential of a hospital that the requirement accepts",
            ),
        };
        Failure::new(kind, error).of(&self.source).help(help)
    }
}

/// The wallet's secret, as the statement takes it.
pub fn secret(wallet: &Wallet) -> HolderSecret {
    HolderSecret::new(*wallet.holder_secret().expose())
}

fn refused(source: &Source, error: &CredentialError) -> Failure {
    let help = match error {
        CredentialError::Altered | CredentialError::Signature(_) => {
            "use an unaltered copy, or ask the hospital to issue it again"
        }
        _ => "expected a file made by `eligo hospital issue`",
    };
    Failure::file(source, error).help(help)
}
