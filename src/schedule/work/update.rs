//! The job that keeps this program current, within the hours that are left to it.

use jiff::Timestamp;

use super::{ScheduleError, Work, other};
use crate::{
    fixes::policy::Window,
    update::{UpdateError, Updater, VERSION, Wanted},
    words::sentence,
};

impl Work<'_> {
    pub(super) fn update(&self) -> Result<String, ScheduleError> {
        let section = &self.here.config().update;
        if !Window::one_has(&section.windows, Timestamp::now(), &self.here.zone) {
            return Ok("It is not the time for it: [update] windows says when.".to_owned());
        }
        let updater = Updater::here(self.here.store.clone(), self.here.settings.file.clone()).map_err(told)?;
        updater.may_change().map_err(told)?;
        let source = section.source(None).map_err(told)?;
        let found = updater.find(&source, &Wanted::Newest(section.channel.name().to_owned())).map_err(told)?;
        if !found.newer {
            return Ok(format!("This is the newest cleanbill ({VERSION})."));
        }
        updater.fetch(&source, &found, false, &mut |_| {}).map_err(told)?;
        crate::schedule::restart_service();
        Ok(format!(
            "cleanbill {} took the place of {VERSION}, which is kept. Bring it back with: sudo cleanbill self-update --rollback",
            found.manifest.version
        ))
    }
}

fn told(error: UpdateError) -> ScheduleError {
    other(format!("{} {}", sentence(&error.to_string()), error.hint()))
}
