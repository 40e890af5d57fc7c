//! `cleanbill watch`: what the machine does at this moment, on the whole terminal; or one picture of it.

mod screen;

use std::{
    io::IsTerminal as _,
    process::ExitCode,
    sync::mpsc::{Receiver, Sender, SyncSender, sync_channel},
    thread::Builder,
    time::{Duration, Instant},
};

use crossterm::event::{self, Event, KeyEvent};
use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP},
    iterator::Signals,
};

use super::{StoreArgs, error::CliError, settings, terminal};
use crate::{
    config::{Length, Watch},
    host::Host,
    metrics::With,
    schedule::Here,
    watch::{
        self, About, Asks, Gather, Moment, Order, Past, State,
        draw::{self, Look},
        keys::{Act, press},
    },
    words::harmless,
};
use screen::Screen;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cleanbill watch               live, until q is pressed; ? shows the keys
  cleanbill watch --every 5s    over a slow line
  cleanbill watch --once        one picture as text, for scripts

What it shows stands under [watch] in cleanbill.toml: cleanbill config explain watch")]
pub(super) struct Args {
    /// How often it looks [default: as the settings say, else 1s]
    #[arg(long, value_name = "TIME", value_parser = Length::parse)]
    every: Option<Length>,
    /// Print one picture as text, and end
    #[arg(long)]
    once: bool,
    /// Columns and lines of that picture [default: those of the terminal, else 100x50]
    #[arg(long, value_name = "WIDTHxHEIGHT", requires = "once", value_parser = size)]
    size: Option<(u16, u16)>,
    #[command(flatten)]
    store: StoreArgs,
}

/// No picture is larger.
const LARGEST: u16 = 1000;
/// No pace is faster.
const FASTEST: Duration = Duration::from_millis(100);
/// Between the two looks of one picture.
const BETWEEN: Duration = Duration::from_secs(1);
/// How long what takes long may take for one picture.
const PATIENCE: Duration = Duration::from_secs(5);
/// What may wait to be drawn.
const WAITING: usize = 64;
/// How long the end may take where the terminal takes nothing any more.
const GRACE: Duration = Duration::from_secs(2);
/// Over which time it is said how much is written.
const COUNTED: Duration = Duration::from_secs(5);

fn size(text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("write it as 80x24, and no more than {LARGEST}x{LARGEST}");
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let number = |n: &str| n.parse().ok().filter(|n| (1..=LARGEST).contains(n)).ok_or_else(wrong);
    Ok((number(width)?, number(height)?))
}

/// What comes to whoever draws.
enum Message {
    Key(KeyEvent),
    Resized,
    Moment(Box<Moment>),
    Asked(Asks),
    Signal(i32),
    /// The terminal is gone.
    Gone,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut wanted: Watch = settings::config().watch.clone();
    if let Some(every) = &args.every {
        wanted.every = every.clone();
    }
    if wanted.every.duration() < FASTEST {
        return Err(CliError::usage("it cannot look more often than every 100ms", "Give a longer time with --every"));
    }
    let host = Host::live().map_err(|e| CliError::usage(e.to_string(), "Run it on a Linux machine"))?;
    let with = With::new(host, settings::config().metrics.clone());
    let here = Here::new(settings::get().clone(), args.store.db.as_deref());
    let state = State::new(About::here(&here.name), &wanted, look());
    if args.once {
        return once(args, with, &here, state);
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(CliError::usage(
            "there is no terminal here to show it on",
            "One picture as text: cleanbill watch --once",
        ));
    }
    if std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
        return Err(CliError::usage(
            "this terminal cannot show a whole screen",
            "One picture as text: cleanbill watch --once",
        ));
    }
    live(args, with, state)
}

fn look() -> Look {
    let style = terminal::style();
    Look { colour: style.colour, unicode: style.unicode }
}

fn once(args: &Args, with: With, here: &Here, mut state: State) -> Result<ExitCode, CliError> {
    let mut gather = Gather::new(&with, state.chosen.clone(), BETWEEN);
    state.learn(Past::minutes(here, &state.chosen));
    state.learn(Asks::Past(Box::new(Past::ask(here))));
    state.take(gather.once(BETWEEN, PATIENCE));
    let terminal = || crossterm::terminal::size().ok().filter(|(width, height)| *width > 0 && *height > 0);
    let shown = std::io::stdout().is_terminal().then(terminal).flatten();
    let (width, height) = args.size.or(shown).unwrap_or((100, 50));
    terminal::print(&draw::text(&state, width, height))?;
    Ok(ExitCode::SUCCESS)
}

fn live(args: &Args, with: With, state: State) -> Result<ExitCode, CliError> {
    let (to, messages) = sync_channel(WAITING);
    // Signals are heard before the terminal is changed, so that none leaves it so.
    signals(to.clone())?;
    let mut screen = Screen::open()?;
    keys(to.clone())?;
    let asked = to.clone();
    // It ends when this is dropped.
    let _history = Past::start(settings::get().clone(), args.store.db.clone(), state.chosen.clone(), move |asks| {
        asked.send(Message::Asked(asks)).is_ok()
    })?;
    // What is not taken is left out: a slow line gets the newest.
    let tell = move |moment| {
        !matches!(to.try_send(Message::Moment(Box::new(moment))), Err(std::sync::mpsc::TrySendError::Disconnected(_)))
    };
    let orders = Gather::start(with, state.chosen.clone(), state.every, tell)?;
    let mut live = Live { state, orders, leave: None };
    let done = live.run(&mut screen, &messages);
    screen.close();
    done?;
    Ok(ExitCode::from(live.leave.unwrap_or(0)))
}

struct Live {
    state: State,
    orders: Sender<Order>,
    /// The exit code, once it is to end.
    leave: Option<u8>,
}

impl Live {
    fn run(&mut self, screen: &mut Screen, messages: &Receiver<Message>) -> Result<(), CliError> {
        screen.draw(&self.state)?;
        let mut counted = (Instant::now(), screen.written());
        while self.leave.is_none() {
            let Ok(message) = messages.recv() else { break };
            self.take(message, screen)?;
            // What came in the meantime belongs to the same picture.
            while let Ok(message) = messages.try_recv() {
                self.take(message, screen)?;
            }
            let passed = counted.0.elapsed();
            if passed >= COUNTED {
                #[allow(clippy::cast_precision_loss)]
                let written = (screen.written() - counted.1) as f64;
                self.state.written = Some(written / passed.as_secs_f64());
                counted = (Instant::now(), screen.written());
            }
            if self.leave.is_none() {
                screen.draw(&self.state)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, message: Message, screen: &mut Screen) -> Result<(), CliError> {
        match message {
            Message::Moment(moment) => self.state.take(*moment),
            Message::Asked(asked) => self.state.learn(asked),
            Message::Resized => {}
            Message::Gone => self.leave = Some(0),
            Message::Signal(SIGTSTP) => screen.suspend()?,
            Message::Signal(SIGCONT) => screen.again()?,
            Message::Signal(signal) => self.leave = Some(u8::try_from(128 + signal).unwrap_or(1)),
            Message::Key(key) => match press(&mut self.state, key) {
                Act::Draw => {}
                Act::Leave => self.leave = Some(0),
                Act::Suspend => screen.suspend()?,
                Act::Clean => screen.clean()?,
                Act::Look => self.order(Order::Now),
                Act::Pace => self.order(Order::Every(self.state.every)),
                Act::Save => self.save(),
            },
        }
        Ok(())
    }

    fn order(&mut self, order: Order) {
        if self.orders.send(order).is_err() {
            self.state.note = Some("Nothing is gathered any more.".to_owned());
        }
    }

    fn save(&mut self) {
        let file = &settings::get().file;
        self.state.note = Some(match watch::keep(&self.state, file) {
            Ok(()) => format!("Kept in {}", file.display()),
            Err(error) => harmless(&error.to_string()),
        });
    }
}

/// Reads keys on a thread of its own.
fn keys(to: SyncSender<Message>) -> std::io::Result<()> {
    Builder::new().name("keys".to_owned()).stack_size(256 << 10).spawn(move || {
        loop {
            let message = match event::read() {
                Ok(Event::Key(key)) => Message::Key(key),
                Ok(Event::Resize(..)) => Message::Resized,
                Ok(_) => continue,
                Err(_) => Message::Gone,
            };
            let gone = matches!(message, Message::Gone);
            if to.send(message).is_err() || gone {
                return;
            }
        }
    })?;
    Ok(())
}

/// Hears signals on a thread of its own.
fn signals(to: SyncSender<Message>) -> Result<(), CliError> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGCONT])?;
    Builder::new().name("signals".to_owned()).stack_size(256 << 10).spawn(move || {
        for signal in signals.forever() {
            let ends = !matches!(signal, SIGTSTP | SIGCONT);
            // A terminal that takes nothing keeps whoever draws from hearing it.
            let heard = to.try_send(Message::Signal(signal)).is_ok();
            if ends {
                std::thread::sleep(if heard { GRACE } else { Duration::ZERO });
                screen::restore_keys();
                std::process::exit(128 + signal);
            }
        }
    })?;
    Ok(())
}
