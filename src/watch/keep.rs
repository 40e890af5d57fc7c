//! Keeps in the settings what a person chose in the view. Comments and all else in the file stay.

use std::path::Path;

use toml_edit::{Array, Value};

use super::State;
use crate::config::{Edit, EditError, Length, Panel};

/// Writes the panels that are shown, and the pace.
///
/// # Errors
/// When what is in the file is wrong, or it cannot be written.
pub fn keep(state: &State, file: &Path) -> Result<(), EditError> {
    let mut edit = Edit::open(file)?;
    let millis = state.every.as_millis();
    let every = match u64::try_from(millis / 1000) {
        Ok(seconds) if millis.is_multiple_of(1000) => Length::seconds(seconds).to_string(),
        _ => format!("{millis}ms"),
    };
    edit.set("watch.every", every);
    let panels: Array = state.panels().into_iter().map(Panel::name).collect();
    edit.set("watch.panels", Value::Array(panels));
    edit.save().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Settings, watch::tests::state};

    #[test]
    fn what_was_chosen_holds_the_next_time_and_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cleanbill.toml");
        let before = "# ours\n[watch]\nevery = \"5s\" # not too often\nmetrics = [\"system.disk.io\"]\n";
        std::fs::write(&file, before).unwrap();
        let mut state = state();
        state.view.shown.remove(&Panel::Processor);
        state.every = std::time::Duration::from_millis(250);
        keep(&state, &file).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("# ours") && text.contains("every = \"250ms\" # not too often"), "{text}");
        let watch = Settings::load(&file).unwrap().config.watch;
        assert_eq!(watch.panels, state.panels());
        assert_eq!((watch.every.duration(), watch.metrics), (state.every, vec!["system.disk.io".to_owned()]));
        std::fs::write(&file, "[watch]\npanels = 3\n").unwrap();
        assert!(keep(&state, &file).is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "[watch]\npanels = 3\n");
    }
}
