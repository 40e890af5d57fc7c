//! All that a picture is drawn from: what was gathered, what the history knows, and how the person wants to see it.

use std::{collections::BTreeSet, time::Duration};

use jiff::{Timestamp, tz::TimeZone};

use super::{About, Asks, Chosen, Moment, Past, Process, Ring, draw::Look};
use crate::config::{Panel, Watch};

/// All that a picture is drawn from.
#[derive(Debug, Clone)]
pub struct State {
    /// The machine.
    pub about: About,
    /// How it is now; none before the first look.
    pub moment: Option<Moment>,
    /// What the history knows; none before it was asked.
    pub past: Option<Past>,
    /// The metrics that are drawn.
    pub chosen: Vec<Chosen>,
    /// Their last minutes.
    pub rings: Vec<Ring>,
    /// How the person wants to see it.
    pub view: View,
    /// How often it looks.
    pub every: Duration,
    /// Something to tell, until the next key.
    pub note: Option<String>,
    /// What is written to the terminal, in bytes a second.
    pub written: Option<f64>,
    /// What the terminal can show.
    pub look: Look,
    /// Where the machine stands.
    pub zone: TimeZone,
}

/// How a person wants to see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// All panels, in their order.
    pub order: Vec<Panel>,
    /// Those that are shown.
    pub shown: BTreeSet<Panel>,
    /// Whether each processor is shown.
    pub cores: bool,
    /// By what programs are sorted.
    pub sort: Sort,
    /// Whether the other way round.
    pub reverse: bool,
    /// Whether command lines are shown in place of names.
    pub commands: bool,
    /// What programs must hold in their line.
    pub filter: String,
    /// The filter before it is being typed; none when it is not.
    pub typing: Option<String>,
    /// How many programs are scrolled over.
    pub skip: usize,
    /// Whether the keys are shown.
    pub help: bool,
}

/// By what programs are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Use of the processor.
    #[default]
    Processor,
    /// Memory.
    Memory,
    /// Processor time since they began.
    Time,
    /// Their number.
    Number,
}

impl State {
    /// Nothing known yet.
    pub fn new(about: About, settings: &Watch, look: Look) -> Self {
        let chosen: Vec<Chosen> = settings.metrics.iter().filter_map(|name| Chosen::parse(name)).collect();
        let mut order = settings.panels.clone();
        order.extend(Panel::ALL.into_iter().filter(|panel| !settings.panels.contains(panel)));
        let view = View { order, shown: settings.panels.iter().copied().collect(), cores: true, ..View::default() };
        State {
            about,
            moment: None,
            past: None,
            rings: vec![Ring::default(); chosen.len()],
            chosen,
            view,
            every: settings.every.duration(),
            note: None,
            written: None,
            look,
            zone: TimeZone::system(),
        }
    }

    /// A new moment.
    pub fn take(&mut self, moment: Moment) {
        let at = moment.at.as_microsecond();
        for (ring, value) in self.rings.iter_mut().zip(&moment.chosen) {
            if let Some(value) = value {
                ring.push(at, *value);
            }
        }
        self.moment = Some(moment);
    }

    /// What the history knows.
    pub fn learn(&mut self, asked: Asks) {
        match asked {
            Asks::Past(past) => self.past = Some(*past),
            Asks::Minutes(minutes) => {
                self.rings.iter_mut().zip(minutes).for_each(|(ring, values)| ring.before(values));
            }
        }
    }

    /// When the picture is of.
    pub fn now(&self) -> Timestamp {
        self.moment.as_ref().map_or_else(Timestamp::now, |moment| moment.at)
    }

    /// The panels that are shown, in their order.
    pub fn panels(&self) -> Vec<Panel> {
        self.view.order.iter().copied().filter(|panel| self.view.shown.contains(panel)).collect()
    }

    /// Programs as the person wants to see them.
    pub fn processes(&self) -> Vec<&Process> {
        let Some(moment) = &self.moment else { return Vec::new() };
        let wanted = self.view.filter.to_lowercase();
        let fits = |process: &&Process| {
            wanted.is_empty()
                || process.command.to_lowercase().contains(&wanted)
                || process.name.to_lowercase().contains(&wanted)
                || process.user.to_lowercase().contains(&wanted)
        };
        let mut list: Vec<&Process> = moment.processes.iter().filter(fits).collect();
        list.sort_by(|a, b| {
            let order = match self.view.sort {
                Sort::Processor => b.cpu.total_cmp(&a.cpu).then(b.memory.cmp(&a.memory)),
                Sort::Memory => b.memory.cmp(&a.memory),
                Sort::Time => b.time.total_cmp(&a.time),
                Sort::Number => a.pid.cmp(&b.pid),
            };
            let order = if self.view.reverse { order.reverse() } else { order };
            order.then(a.pid.cmp(&b.pid))
        });
        list
    }
}
