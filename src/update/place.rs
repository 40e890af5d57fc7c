//! Where the program lies, and how another takes its place: made whole beside it, kept as the former one under a second
//! name, and then one rename. A kill at any moment leaves a program that works.

use std::{
    fs::{self, File},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

use super::{UpdateError, archive::PROGRAMS};
use crate::files::write_whole;

/// The folder in which an update is made, beside the programs.
const WORK: &str = ".cleanbill.update";
/// How the former program is called: `.cleanbill.former`.
const FORMER: &str = "former";
/// How long another update is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// What install.sh wrote down: all files it put there, each on a line.
const LIST: &str = "share/cleanbill/installed.list";

/// Where the program lies.
#[derive(Debug, Clone)]
pub struct Place {
    folder: PathBuf,
}

/// An update in the making; when it goes, what was made goes with it.
#[derive(Debug)]
pub(super) struct Work {
    /// Where things can be put.
    pub(super) folder: PathBuf,
    _held: File,
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Place {
    /// Of the program at this path.
    pub fn of(program: &Path) -> Self {
        Place { folder: program.parent().unwrap_or(Path::new("/")).to_owned() }
    }

    /// The program.
    pub fn program(&self) -> PathBuf {
        self.folder.join(PROGRAMS[0])
    }

    /// Whether this user may exchange the program.
    pub(super) fn may_change(&self) -> Result<(), UpdateError> {
        let denied = |e: rustix::io::Errno| UpdateError::io(&self.folder, &e.into());
        rustix::fs::access(&self.folder, rustix::fs::Access::WRITE_OK).map_err(denied)?;
        // Whoever can exchange what lies there could do so between the check and the trial.
        let meta = fs::metadata(&self.folder).map_err(|e| UpdateError::io(&self.folder, &e))?;
        let own = [0, rustix::process::geteuid().as_raw()].contains(&meta.uid());
        if own && meta.mode() & 0o002 == 0 {
            return Ok(());
        }
        let said = "others may change what lies there, so nothing is put there".to_owned();
        Err(UpdateError::Place { path: self.folder.clone(), said })
    }

    /// Makes room for an update; only one can be at work.
    pub(super) fn work(&self) -> Result<Work, UpdateError> {
        let io = |e: std::io::Error| UpdateError::io(&self.folder, &e);
        let held = File::open(&self.folder).map_err(io)?;
        let start = Instant::now();
        while flock(&held, FlockOperation::NonBlockingLockExclusive).is_err() {
            // One that is about to end, or a program that another thread is just starting.
            if start.elapsed() > PATIENCE {
                return Err(UpdateError::Busy(self.folder.clone()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let folder = self.folder.join(WORK);
        // What one who was killed left behind.
        if fs::symlink_metadata(&folder).is_ok() {
            fs::remove_dir_all(&folder).map_err(io)?;
        }
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(io)?;
        Ok(Work { folder, _held: held })
    }

    fn former(&self, program: &str) -> PathBuf {
        self.folder.join(format!(".{program}.{FORMER}"))
    }

    /// The former program, where one is kept.
    pub(super) fn former_program(&self) -> Result<PathBuf, UpdateError> {
        let former = self.former(PROGRAMS[0]);
        if former.is_file() { Ok(former) } else { Err(UpdateError::NoFormer(self.folder.clone())) }
    }

    /// Puts new programs in the place of those that are there. The one that waits goes first: beside an older one it gives
    /// back to that, while the other way round the new one would start the old.
    pub(super) fn put(&self, new: &Path) -> Result<(), UpdateError> {
        let mut done: Vec<&str> = Vec::new();
        for program in PROGRAMS.iter().rev() {
            if let Err(error) = self.put_one(new, program) {
                // Half an update is none.
                self.take_back(&done)?;
                return Err(error);
            }
            done.push(program);
        }
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(|e| UpdateError::io(&self.folder, &e))
    }

    fn put_one(&self, new: &Path, program: &str) -> Result<(), UpdateError> {
        let (from, to) = (new.join("bin").join(program), self.folder.join(program));
        let io = |e: std::io::Error| UpdateError::io(&to, &e);
        let was = fs::metadata(&to).ok();
        let mode = was.as_ref().map_or(0o755, |meta| meta.mode() & 0o777);
        fs::set_permissions(&from, fs::Permissions::from_mode(mode)).map_err(io)?;
        if let Some(was) = was {
            let made = fs::metadata(&from).map_err(io)?;
            if (was.uid(), was.gid()) != (made.uid(), made.gid()) {
                chown(&from, Some(was.uid()), Some(was.gid())).map_err(io)?;
            }
            self.keep(program, new).map_err(io)?;
        }
        File::open(&from).and_then(|file| file.sync_all()).map_err(io)?;
        fs::rename(&from, &to).map_err(io)
    }

    /// Gives the program that is there a second name.
    fn keep(&self, program: &str, work: &Path) -> std::io::Result<()> {
        let (is, second) = (self.folder.join(program), work.join(format!("{program}.{FORMER}")));
        // A file system without second names gets a copy.
        fs::hard_link(&is, &second).or_else(|_| fs::copy(&is, &second).map(|_| ()))?;
        fs::rename(second, self.former(program))
    }

    /// Exchanges the programs with the former ones, so that doing it again exchanges them back.
    pub(super) fn back(&self) -> Result<(), UpdateError> {
        self.former_program()?;
        for program in PROGRAMS {
            let (is, former) = (self.folder.join(program), self.former(program));
            if !former.exists() {
                continue;
            }
            let exchanged = renameat_with(CWD, &former, CWD, &is, RenameFlags::EXCHANGE);
            // A file system that cannot exchange names loses the newer one.
            exchanged
                .or_else(|_| fs::rename(&former, &is).map_err(|_| rustix::io::Errno::IO))
                .map_err(|e| UpdateError::io(&is, &e.into()))?;
        }
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(|e| UpdateError::io(&self.folder, &e))
    }

    /// Puts former programs back in the place of new ones that do not work, and keeps none of those.
    pub(super) fn take_back(&self, programs: &[&str]) -> Result<(), UpdateError> {
        for program in programs {
            let (is, former) = (self.folder.join(program), self.former(program));
            if former.exists() {
                fs::rename(&former, &is).map_err(|e| UpdateError::io(&is, &e))?;
            }
        }
        Ok(())
    }

    /// Manual pages, completions and licences, where install.sh put them there: those of the new release, and the list of
    /// them. The programs work without; what cannot be written is left.
    pub(super) fn companions(&self, new: &Path) {
        let Some(prefix) = self.folder.parent() else { return };
        let list = prefix.join(LIST);
        let Ok(known) = fs::read_to_string(&list) else { return };
        let mut known: Vec<String> = known.lines().map(str::to_owned).collect();
        let mut folders = vec![new.join("share")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let Ok(inside) = path.strip_prefix(new) else { continue };
                let to = prefix.join(inside);
                let made = to.parent().map_or(Ok(()), fs::create_dir_all);
                let written = made.and_then(|()| fs::read(&path)).and_then(|bytes| write_whole(&to, &bytes, 0o644));
                let line = to.to_string_lossy().into_owned();
                if written.is_ok() && !known.contains(&line) {
                    known.push(line);
                }
            }
        }
        let _ = write_whole(&list, format!("{}\n", known.join("\n")).as_bytes(), 0o644);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(work: &Path, says: &str) -> PathBuf {
        let new = work.join("new");
        fs::create_dir_all(new.join("bin")).unwrap();
        for program in PROGRAMS {
            fs::write(new.join("bin").join(program), says).unwrap();
        }
        new
    }

    #[test]
    fn the_former_one_is_kept_and_can_be_had_back() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of(&folder.path().join("bin/cleanbill"));
        fs::create_dir(folder.path().join("bin")).unwrap();
        for program in PROGRAMS {
            fs::write(place.folder.join(program), "one").unwrap();
            fs::set_permissions(place.folder.join(program), fs::Permissions::from_mode(0o750)).unwrap();
        }
        let reads = |name: &str| fs::read_to_string(place.folder.join(name)).unwrap();
        assert!(matches!(place.back(), Err(UpdateError::NoFormer(_))));
        for (says, before) in [("two", "one"), ("three", "two")] {
            let work = place.work().unwrap();
            assert!(matches!(place.work(), Err(UpdateError::Busy(_))), "one at a time");
            place.put(&release(&work.folder, says)).unwrap();
            drop(work);
            for program in PROGRAMS {
                assert_eq!((reads(program).as_str(), reads(&format!(".{program}.former")).as_str()), (says, before));
                let mode = fs::metadata(place.folder.join(program)).unwrap().mode() & 0o777;
                assert_eq!(mode, 0o750, "rights stay as they were");
            }
        }
        place.back().unwrap();
        assert_eq!((reads("cleanbill").as_str(), reads(".cleanbill.former").as_str()), ("two", "three"));
        place.back().unwrap();
        assert_eq!((reads("cleanbill").as_str(), reads("cleanbill-daemon").as_str()), ("three", "three"));
        assert_eq!(fs::read_dir(&place.folder).unwrap().count(), 4, "nothing else is left");
    }

    #[test]
    fn half_an_update_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of(&folder.path().join("cleanbill"));
        for program in PROGRAMS {
            fs::write(place.folder.join(program), "two").unwrap();
            fs::write(place.former(program), "one").unwrap();
        }
        let work = place.work().unwrap();
        let new = release(&work.folder, "three");
        // The last one cannot be put there.
        fs::remove_file(new.join("bin/cleanbill")).unwrap();
        place.put(&new).unwrap_err();
        for program in PROGRAMS {
            assert_eq!(fs::read_to_string(place.folder.join(program)).unwrap(), "two");
        }
    }

    #[test]
    fn nothing_is_put_where_others_may_change_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of(&folder.path().join("cleanbill"));
        let mode = |mode: u32| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        mode(0o755);
        place.may_change().unwrap();
        mode(0o1777);
        assert!(place.may_change().unwrap_err().to_string().contains("others may change what lies there"));
        mode(0o755);
        if crate::testing::is_root() {
            chown(folder.path(), Some(1000), None).unwrap();
            assert!(place.may_change().is_err());
        }
    }

    #[test]
    fn what_was_installed_with_it_is_renewed_by_the_list() {
        let prefix = tempfile::tempdir().unwrap();
        let at = |path: &str| prefix.path().join(path);
        for folder in ["bin", "share/cleanbill", "share/man/man1", "work/share/man/man1"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        let place = Place::of(&at("bin/cleanbill"));
        fs::write(at("share/man/man1/cleanbill.1"), "old").unwrap();
        fs::write(at("work/share/man/man1/cleanbill.1"), "new").unwrap();
        fs::write(at("work/share/man/man1/cleanbill-audit.1"), "more").unwrap();
        // Without a list they are somebody else's.
        place.companions(&at("work"));
        assert_eq!(fs::read_to_string(at("share/man/man1/cleanbill.1")).unwrap(), "old");
        let first = at("share/man/man1/cleanbill.1").display().to_string();
        fs::write(at(LIST), format!("{first}\n")).unwrap();
        place.companions(&at("work"));
        assert_eq!(fs::read_to_string(at("share/man/man1/cleanbill.1")).unwrap(), "new");
        let second = at("share/man/man1/cleanbill-audit.1").display().to_string();
        assert_eq!(fs::read_to_string(at(LIST)).unwrap(), format!("{first}\n{second}\n"));
    }
}
