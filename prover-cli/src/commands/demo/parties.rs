//! Keys, wallets, sealed credentials: what parties have before they meet on the ledger.

use eligo_sharing::wallet::{Encounter, HospitalId, Visit};

use super::Tour;
use crate::{
    commands::{
        explain::Explain,
        hospital::{self, Issue, SealingArgs},
        institution,
        wallet::{self, CostArgs},
    },
    failure::{Attempt, Failure},
    file::Access,
    schemas::SchemaArgs,
};

const ELIGIBLE: &str = include_str!("../../../../fixtures/fhir/marta-nowak.json");
const NOT_ELIGIBLE: &str = include_str!("../../../../fixtures/fhir/nora-o'dwyer.json");
/// As wallets know the hospital.
const HOSPITAL: &str = "municipal.example";
/// As the registrar certifies the hospital.
pub const HOSPITAL_NAME: &str = "Municipal Hospital";
/// As the registrar certifies the institute.
pub const INSTITUTE_NAME: &str = "Institute for Stroke Research";
/// Who meets the requirement.
pub const MARTA: &str = "marta";
/// Who does not: atrial fibrillation.
pub const NORA: &str = "nora";

impl Tour<'_> {
    /// Keys of the hospital and the institute; two wallets, two sealed credentials.
    pub fn prepare(&self) -> Attempt<()> {
        self.chapter(
            "Records become signed credentials; their ciphertexts can be opened by nobody else",
        );
        let (force, silent) = (self.force, &self.silent);
        self.step(
            "hospital keygen",
            "its signing keys",
            "hospital.key",
            || hospital::keygen(HOSPITAL_NAME, &self.target("hospital.key"), force, silent),
        )?;
        let public = "which everyone may know";
        self.step("hospital public", public, "hospital.pub", || {
            let key = self.source("hospital.key");
            hospital::public(&key, &self.target("hospital.pub"), force, silent)
        })?;
        let words = b"correct horse battery staple\n";
        self.write("passphrase", words, Access::Secret)?;
        for (name, bundle) in [(MARTA, ELIGIBLE), (NORA, NOT_ELIGIBLE)] {
            self.patient(name, bundle)?;
        }
        let account = "the institute's account";
        self.step("institution keygen", account, "institute.key", || {
            institution::keygen(INSTITUTE_NAME, &self.target("institute.key"), force, silent)
        })
    }

    fn patient(&self, name: &str, bundle: &str) -> Attempt<()> {
        let (force, silent) = (self.force, &self.silent);
        let file = format!("{name}.bundle.json");
        self.write(&file, bundle.as_bytes(), Access::Public)?;
        let wallet = format!("{name}.wallet");
        let what = "on the patient's device, encrypted";
        self.step("wallet new", what, &wallet, || {
            let (target, passphrase) = (self.target(&wallet), self.passphrase());
            wallet::make(&target, &passphrase, &CostArgs::low(), force, silent)
        })?;
        let holder = format!("{name}.holder.json");
        let what = "what the hospital is told, with the keys of this visit";
        self.step("wallet holder", what, &holder, || {
            let (wallet, target) = (self.wallet(name), self.target(&holder));
            let hospital = Some(hospital_id()?);
            wallet::holder(&wallet, hospital, Visit::FIRST, &target, force, silent)
        })?;
        let credential = format!("{name}.credential.json");
        let what = "the FHIR bundle as a signed record, and sealed to the patient";
        self.step("hospital issue", what, &credential, || {
            hospital::issue_credential(&self.issue_args(name), silent).map(|_| ())
        })
    }

    /// The keys of the patient's visit.
    pub fn encounter(&self, name: &str) -> Attempt<Encounter> {
        let wallet = self.wallet(name).open(&self.silent)?;
        Ok(wallet.encounter(&hospital_id()?, Visit::FIRST))
    }

    fn issue_args(&self, name: &str) -> Issue {
        Issue {
            key: self.source("hospital.key"),
            schema: "core".to_owned(),
            holder: self.source(&format!("{name}.holder.json")),
            record: vec![self.source(&format!("{name}.bundle.json"))],
            patient: None,
            issued: Some(self.today),
            until: Some(self.today),
            valid_months: 12,
            incomplete: Vec::new(),
            output: self.target(&format!("{name}.credential.json")),
            report: Some(self.target(&format!("{name}.report.json"))),
            sealing: SealingArgs {
                sealed_out: Some(self.target(&format!("{name}.sealed"))),
                ..SealingArgs::default()
            },
            force: self.force,
        }
    }

    /// What explains whether a patient is eligible.
    pub fn explain_args(&self, name: &str) -> Explain {
        Explain {
            wallet: self.wallet(name),
            credential: self.source(&format!("{name}.credential.json")),
            requirement: self.source("stroke.toml"),
            schemas: SchemaArgs::default(),
            today: Some(self.today),
        }
    }
}

fn hospital_id() -> Attempt<HospitalId> {
    HospitalId::new(HOSPITAL).map_err(Failure::unexpected)
}
