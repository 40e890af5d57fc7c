//! The questions of `cleanbill init`. Each has an option; what was said with an option is not asked.

use dialoguer::{Confirm, Input, Password, Select, theme::ColorfulTheme};

use super::{Args, CliError, Setup, Typed, address, password_place, time};
use crate::{
    cli::settings,
    config::{Security, server_name},
    mail::{Names, find_sendmail},
    schedule::says_time,
    words::harmless,
};

/// Asks all that was not said.
pub(super) fn all(setup: &mut Setup, args: &Args) -> Result<Option<Typed>, CliError> {
    let mut typed = None;
    anstream::eprintln!("A few questions. Enter takes what stands in brackets; Ctrl-C ends it, and nothing is done.\n");
    if args.purpose.is_none() {
        setup.purpose =
            text("What is this machine for? (a few words, or nothing)", setup.purpose.as_deref(), |_| Ok(()))?;
    }
    if args.email.is_empty() && !args.no_email {
        let now = Some(setup.to.join(", ")).filter(|to| !to.is_empty());
        let to = text("Who should hear how it is? (mail addresses, or nothing)", now.as_deref(), |to| {
            split(to).iter().try_for_each(|person| address(person))
        })?;
        setup.to = split(&to.unwrap_or_default());
    }
    if !setup.to.is_empty() {
        if args.server.is_none() {
            typed = server(setup)?;
        }
        if args.from.is_none() {
            from(setup)?;
        }
        if args.when.is_none() {
            setup.when = when(&setup.when)?;
        }
    }
    if args.fix.is_none() {
        let choices = ["No, it only tells", "Yes, at night, what can break nothing; each can be taken back"];
        let now = usize::from(setup.fixes);
        let chosen = choose("May it fix things by itself?", &choices, now)?;
        setup.fixes = chosen == 1;
    }
    if !args.measure && !args.no_measure {
        let prompt = "Shall it also measure how the machine runs? (processor, memory, disks, network)";
        let theme = ColorfulTheme::default();
        setup.measures =
            Confirm::with_theme(&theme).with_prompt(prompt).default(setup.measures).interact().map_err(gone)?;
    }
    Ok(typed)
}

/// How mail leaves this machine.
fn server(setup: &mut Setup) -> Result<Option<Typed>, CliError> {
    let program = find_sendmail();
    let far = match &program {
        None => true,
        Some(path) => {
            let own = format!("By the mail program of this machine ({})", path.display());
            let choices = ["By a mail server, as a mail program on a desk does", own.as_str()];
            choose("How does mail leave this machine?", &choices, usize::from(setup.server.is_none()))? == 0
        }
    };
    if !far {
        setup.server = None;
        return Ok(None);
    }
    let Some(name) = text("The mail server? (such as smtp.example.org)", setup.server.as_deref(), server_name)? else {
        setup.server = None;
        return Ok(None);
    };
    let ways = [
        (Security::StartTls, "STARTTLS, port 587 (usual)"),
        (Security::Tls, "TLS, port 465"),
        (Security::None, "Not at all, port 25 (only within one's own walls)"),
    ];
    let now = ways.iter().position(|(way, _)| *way == setup.security).unwrap_or(0);
    let labels: Vec<&str> = ways.iter().map(|(_, label)| *label).collect();
    let chosen = choose("How is the line to it protected?", &labels, now)?;
    let security = ways.get(chosen).map_or(Security::StartTls, |(way, _)| *way);
    let held = &settings::get().config.mail;
    let kept = held.server.as_ref() == Some(&name)
        && (held.password_file.is_some() || held.password_env.is_some() || held.password_credential.is_some());
    setup.goes_by(name, security);
    setup.user = text("The name to log in with? (or nothing)", setup.user.as_deref(), |_| Ok(()))?;
    if let Some(user) = &setup.user {
        let asked = format!("The password of {}? (it is kept in a file that only you may read)", harmless(user));
        let password = Password::with_theme(&ColorfulTheme::default())
            .with_prompt(if kept { format!("{asked} [as it is]") } else { asked })
            .allow_empty_password(kept)
            .interact()
            .map_err(gone)?;
        if !password.is_empty() {
            setup.password_file = Some(password_place(settings::get()));
            return Ok(Some(Typed(password)));
        }
    }
    Ok(None)
}

fn from(setup: &mut Setup) -> Result<(), CliError> {
    let full = Names::read().full().map(|name| format!("cleanbill@{name}"));
    let now = setup.from.clone().or_else(|| setup.user.clone().filter(|user| user.contains('@'))).or(full);
    let domain = |text: &str| {
        address(text)?;
        if text.contains('@') {
            Ok(())
        } else {
            Err("The sender needs a domain, as in cleanbill@example.org".to_owned())
        }
    };
    setup.from = text("The sender? (an address that this mail server may use)", now.as_deref(), domain)?;
    Ok(())
}

/// A time, said back before it is taken.
fn when(now: &str) -> Result<String, CliError> {
    let mut proposed = now.to_owned();
    loop {
        let said = text("When does the report come?", Some(&proposed), |text| time(text).map(|_| ()))?
            .unwrap_or(proposed.clone());
        let Ok(when) = time(&said) else { continue };
        let zone = jiff::tz::TimeZone::system();
        let now = jiff::Timestamp::now();
        let next = std::iter::successors(when.next_after(now), |at| when.next_after(*at));
        anstream::eprintln!("  {}:", crate::words::capital(&when.says()));
        for at in next.take(3) {
            anstream::eprintln!("    {}", says_time(at, &zone, now));
        }
        let theme = ColorfulTheme::default();
        if Confirm::with_theme(&theme).with_prompt("Right?").default(true).interact().map_err(gone)? {
            return Ok(said);
        }
        proposed = said;
    }
}

/// Whether it shall be done.
pub(super) fn agree() -> Result<bool, CliError> {
    Confirm::with_theme(&ColorfulTheme::default()).with_prompt("Do it?").default(true).interact().map_err(gone)
}

/// Whether to go on although the test mail did not go.
pub(super) fn all_the_same() -> Result<bool, CliError> {
    let prompt = "The test mail did not go. Write the settings and set up the schedule all the same?";
    Confirm::with_theme(&ColorfulTheme::default()).with_prompt(prompt).default(false).interact().map_err(gone)
}

fn choose(prompt: &str, choices: &[&str], now: usize) -> Result<usize, CliError> {
    Select::with_theme(&ColorfulTheme::default())
        .with_prompt(prompt)
        .items(choices)
        .default(now)
        .interact()
        .map_err(gone)
}

/// A line of text, asked again until it is right; none where nothing is said.
fn text(
    prompt: &str,
    now: Option<&str>,
    right: impl Fn(&str) -> Result<(), String>,
) -> Result<Option<String>, CliError> {
    let theme = ColorfulTheme::default();
    let mut input = Input::<String>::with_theme(&theme).with_prompt(prompt).allow_empty(true);
    if let Some(now) = now {
        input = input.default(now.to_owned());
    }
    let said = input.validate_with(|text: &String| right(text.trim())).interact_text().map_err(gone)?;
    let said = said.trim();
    Ok((!said.is_empty()).then(|| said.to_owned()))
}

fn split(text: &str) -> Vec<String> {
    text.split([',', ';']).map(str::trim).filter(|person| !person.is_empty()).map(str::to_owned).collect()
}

fn gone(error: dialoguer::Error) -> CliError {
    CliError::failed(
        format!("nobody answered ({error}), so nothing was done"),
        "Give the answers as options: cleanbill init --help",
    )
}
