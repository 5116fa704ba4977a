//! `eligo keys receiving` and `eligo keys proxy`: key pairs for handing records over.

use clap::Args;
use eligo_sharing::{
    document::{ProxyKeyCard, ReceivingKeyCard},
    keys::{ProxyKey, ReceivingKey},
};
use rand_core::OsRng;
use serde_json::json;

use crate::{
    console::Console,
    failure::{Attempt, Failure},
    file::{Access, Target},
};

/// Where a secret key and its card go.
#[derive(Args, Clone, Debug)]
pub struct Pair {
    /// The secret key file to write
    #[arg(short, long, value_name = "FILE")]
    output: Target,
    /// The card to write, for everyone: the public key with a proof of possession
    #[arg(long, value_name = "FILE")]
    card: Target,
    /// Overwrite; what was granted to the key that was there can no longer be opened or answered
    #[arg(long)]
    force: bool,
}

/// Makes an institution's receiving key.
pub fn receiving(pair: &Pair, console: &Console) -> Attempt<()> {
    pair.check()?;
    let key = ReceivingKey::generate(&mut OsRng);
    let card = ReceivingKeyCard::of(&key);
    let public = card.key().to_string();
    pair.write(&key.to_secret_json(), &card.to_json(), console)?;
    pair.say("receiving key", &public, console);
    Ok(())
}

/// Makes a proxy's key.
pub fn proxy(pair: &Pair, console: &Console) -> Attempt<()> {
    pair.check()?;
    let key = ProxyKey::generate(&mut OsRng);
    let card = ProxyKeyCard::of(&key);
    let public = card.key().to_string();
    pair.write(&key.to_secret_json(), &card.to_json(), console)?;
    pair.say("proxy key", &public, console);
    Ok(())
}

impl Pair {
    fn check(&self) -> Attempt<()> {
        if self.output.is_stdout() && self.card.is_stdout() {
            return Err(Failure::usage(
                "the key and its card cannot both go to standard output",
            ));
        }
        self.output.check(self.force)?;
        self.card.check(self.force)
    }

    fn write(&self, secret: &str, card: &str, console: &Console) -> Attempt<()> {
        if self.output.is_stdout() || self.card.is_stdout() {
            console.leave_stdout();
        }
        self.output
            .write(secret.as_bytes(), Access::Secret, self.force)?;
        self.card.write(card.as_bytes(), Access::Public, self.force)
    }

    fn say(&self, what: &str, public: &str, console: &Console) {
        console.say(format!(
            "{}: {what}\n{}: its card, for everyone\nkey {public}",
            self.output, self.card
        ));
        console.object(json!({
            "key": self.output.to_string(),
            "card": self.card.to_string(),
            "public": public,
        }));
    }
}
