//! Sites of Apache: what counts for each `VirtualHost`.

use super::{
    Shown, WebServer, WebSite,
    apache::{Config, Directive},
};
use crate::{
    facts::Facts,
    host::Host,
    probes::servers::{reach_of_listener, widest},
};

/// Pushes the server and its sites, and gathers the folders they show.
pub(super) fn push(host: &Host, config: &Config, running: Option<bool>, facts: &mut Facts, shown: &mut Vec<Shown>) {
    let user = config.of(0, "user").last();
    facts.push(WebServer {
        source: user.map_or(config.path.clone(), |d| d.source.clone()),
        line: user.map(|d| d.line),
        program: "apache".to_owned(),
        running,
        worker: user.and_then(|d| d.args.first().cloned()),
    });
    let mut sites: Vec<usize> =
        config.sections.iter().enumerate().filter(|(_, s)| s.name == "VirtualHost").map(|(id, _)| id).collect();
    if sites.is_empty() {
        sites.push(0);
    }
    for id in sites {
        site(host, config, id, facts, shown);
    }
}

/// Address and port of `*:80`, `[::1]:80`, `80`.
fn split(text: &str) -> (&str, Option<&str>) {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return ("*", Some(text));
    }
    match text.rsplit_once(':') {
        Some((address, port)) if !port.contains(']') => (address, Some(port)),
        _ => (text, None),
    }
}

fn site(host: &Host, config: &Config, id: usize, facts: &mut Facts, shown: &mut Vec<Shown>) {
    let Some(section) = config.sections.get(id) else { return };
    let ports: Vec<&str> = section.args.split_whitespace().filter_map(|a| split(a).1).collect();
    // A site is heard only on addresses that a Listen names.
    let listens: Vec<&str> = config
        .directives
        .iter()
        .filter(|d| d.name == "listen")
        .filter_map(|d| d.args.first().map(String::as_str))
        .filter(|l| {
            id == 0 || ports.is_empty() || ports.contains(&"*") || split(l).1.is_some_and(|p| ports.contains(&p))
        })
        .collect();
    let own = |l: &str| match section.args.split_whitespace().next().map(|a| split(a).0) {
        Some(address) if id != 0 && address != "*" && !address.starts_with("_default_") && split(l).0 == "*" => {
            reach_of_listener(host, address)
        }
        _ => reach_of_listener(host, split(l).0),
    };
    let reach = widest(listens.iter().map(|l| own(l)));
    let first = |name: &str| config.value(id, name).and_then(|d| d.args.first().cloned());
    let encrypted = first("sslengine").is_some_and(|v| v.eq_ignore_ascii_case("on"));
    let secure = |d: &Directive| d.args.iter().any(|a| a.starts_with("https://"));
    let whole_site =
        |name: &&str| config.of(id, name).any(|d| secure(d) && d.args.iter().any(|a| a == "/" || a.starts_with("^")));
    let redirects = !encrypted
        && (["redirect", "redirectpermanent", "redirectmatch"].iter().any(whole_site)
            || config.of(id, "rewriterule").any(secure));
    let mut names: Vec<String> =
        config.of(id, "servername").chain(config.of(id, "serveralias")).flat_map(|d| d.args.clone()).collect();
    if names.is_empty() {
        names.push("_".to_owned());
    }
    let name = names.join(" ");
    let protocols = config.value(id, "sslprotocol").map_or_else(|| vec!["all".to_owned()], |d| d.args.clone());
    let header = |d: &Directive| {
        let at = d
            .args
            .iter()
            .position(|a| ["set", "append", "merge", "add", "setifempty"].contains(&a.to_ascii_lowercase().as_str()))?;
        d.args.get(at + 1).map(|h| h.to_ascii_lowercase())
    };
    let headers: Vec<String> = if config.has_module("headers") {
        let all = config.directives.iter().filter(|d| {
            d.name == "header"
                && (d.section == 0 || d.section == id || config.around(d.section, "VirtualHost") == Some(id))
        });
        let set: std::collections::BTreeSet<String> = all.filter_map(header).collect();
        set.into_iter().collect()
    } else {
        Vec::new()
    };
    let root = config.value(id, "documentroot");
    facts.push(WebSite {
        source: section.source.clone(),
        line: Some(section.line),
        program: "apache".to_owned(),
        name: name.clone(),
        listens: listens.join(" "),
        reach: reach.to_owned(),
        encrypted,
        redirects,
        root: root.and_then(|d| d.args.first().cloned()),
        shows_version: !first("servertokens")
            .is_some_and(|v| ["prod", "productonly"].contains(&v.to_ascii_lowercase().as_str())),
        protocols: encrypted.then(|| allowed(&protocols).join(" ")),
        weak_ciphers: first("sslciphersuite").is_some_and(|c| c.contains("SECLEVEL=0")),
        headers: headers.join(" "),
    });
    let Some((d, path)) = root.and_then(|d| d.args.first().map(|p| (d, p))).filter(|_| !redirects) else { return };
    let text = |d: &Directive| d.args.join(" ");
    let hides = |pattern: &str| {
        pattern.contains("\\.git")
            || pattern.contains("/\\.")
            || pattern.contains("/.git")
            || pattern.starts_with("^\\.(?!well")
            || pattern == "^\\."
    };
    let hides_dots = config.sections.iter().any(|s| s.name.ends_with("Match") && hides(&s.args))
        || config
            .directives
            .iter()
            .any(|d| ["redirectmatch", "rewriterule"].contains(&d.name.as_str()) && hides(&text(d)));
    let passed_on = ["proxypass", "proxypassmatch"]
        .iter()
        .any(|name| config.of(id, name).any(|d| d.args.first().is_some_and(|a| a == "/")));
    shown.push(Shown {
        path: path.clone(),
        site: name,
        reach: reach.to_owned(),
        source: d.source.clone(),
        line: d.line,
        hides_dots,
        passed_on,
    });
}

/// What `SSLProtocol all -SSLv3 …` allows.
fn allowed(words: &[String]) -> Vec<&'static str> {
    const KNOWN: [&str; 5] = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    let mut on = [false; 5];
    for (index, word) in words.iter().enumerate() {
        let add = !word.starts_with('-');
        let bare = word.trim_start_matches(['+', '-']);
        // A first word without a sign replaces what was there.
        if index == 0 && !word.starts_with(['+', '-']) {
            on = [false; 5];
        }
        for (known, slot) in KNOWN.iter().zip(on.iter_mut()) {
            if bare.eq_ignore_ascii_case(known) || (bare.eq_ignore_ascii_case("all") && *known != "SSLv3") {
                *slot = add;
            }
        }
    }
    KNOWN.iter().zip(on).filter(|(_, on)| *on).map(|(known, _)| *known).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn protocols_are_added_and_taken_away_in_order() {
        let words = |s: &str| s.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(super::allowed(&words("all -SSLv3")), ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]);
        assert_eq!(super::allowed(&words("-all +TLSv1.2 +TLSv1.3")), ["TLSv1.2", "TLSv1.3"]);
        assert_eq!(super::allowed(&words("all -SSLv3 -TLSv1 -TLSv1.1")), ["TLSv1.2", "TLSv1.3"]);
    }
}
