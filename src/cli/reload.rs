//! The project's file, to be read again.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::project::{self, Held};
use crate::engine::Reread;
use crate::spec::{self, Fault, Faults, Loaded, Locate, Spec};
use crate::sys::journal::{Journal, Policies};

/// Where the file is, and what has to be written down before something new is started.
#[derive(Debug)]
pub(super) struct Again {
    locate: Locate,
    /// What the project is known by.
    file: PathBuf,
    journal: Option<Journal>,
    policies: Mutex<Policies>,
}

impl Again {
    pub(super) fn new(locate: Locate, spec: &Spec, held: &Held) -> Self {
        Self {
            locate,
            file: spec.project.file.clone(),
            journal: held.journal.clone(),
            policies: Mutex::new(held.policies.clone()),
        }
    }

    /// Those of everything that has ever been in the file.
    pub(super) fn policies(&self) -> Policies {
        self.policies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Reread for Again {
    fn read(&self) -> Result<Loaded, Faults> {
        let loaded = spec::load(&self.locate)?;
        if loaded.spec.project.file != self.file {
            let message = format!("it is gone, and {} is another project", {
                loaded.spec.project.file.display()
            });
            return Err(Fault::about(self.file.clone(), message).into());
        }
        Ok(loaded)
    }

    fn prepare(&self, spec: &Spec) -> Result<(), Faults> {
        let mut policies = self.policies();
        policies.processes.extend(project::policies(spec, &policies.session).processes);
        // The guardian must know what may stay before it is there.
        if let Some(journal) = &self.journal {
            journal.write(&policies).map_err(|error| {
                Fault::about(journal.path().to_owned(), format!("cannot write it: {error}"))
            })?;
        }
        *self.policies.lock().unwrap_or_else(PoisonError::into_inner) = policies;
        Ok(())
    }
}
