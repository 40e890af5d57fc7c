//! Sites of nginx: what counts for each `server` block after inheritance.

use super::{Shown, WebServer, WebSite, nginx::Config};
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
        program: "nginx".to_owned(),
        running,
        worker: user.and_then(|d| d.args.first().cloned()).or_else(|| Some("nobody".to_owned())),
    });
    for (id, block) in config.blocks.iter().enumerate() {
        let in_http = config.blocks.get(block.parent).is_some_and(|p| p.name == "http");
        if block.name == "server" && in_http {
            site(host, config, id, facts, shown);
        }
    }
}

fn site(host: &Host, config: &Config, id: usize, facts: &mut Facts, shown: &mut Vec<Shown>) {
    let Some(block) = config.blocks.get(id) else { return };
    let mut listens: Vec<String> = Vec::new();
    let mut encrypted = config.inherited(id, "ssl").last().is_some_and(|d| d.args.first().is_some_and(|a| a == "on"));
    for listen in config.of(id, "listen") {
        listens.extend(listen.args.first().cloned());
        encrypted |= listen.args.iter().any(|a| a == "ssl" || a == "quic");
    }
    if listens.is_empty() {
        listens.push("80".to_owned());
    }
    let reach = widest(listens.iter().map(|l| reach_of_listener(host, address_of(l))));
    let names: Vec<&str> = config.of(id, "server_name").flat_map(|d| d.args.iter().map(String::as_str)).collect();
    let name = if names.is_empty() { "_".to_owned() } else { names.join(" ") };
    let first = |name: &str| config.inherited(id, name).last().and_then(|d| d.args.first().cloned());
    let protocols = config.inherited(id, "ssl_protocols").last().map(|d| d.args.join(" "));
    let mut headers: Vec<String> = config
        .inherited(id, "add_header")
        .iter()
        .filter_map(|d| d.args.first())
        .map(|h| h.to_ascii_lowercase())
        .collect();
    headers.dedup();
    let locations: Vec<usize> = config
        .blocks
        .iter()
        .enumerate()
        .filter(|(at, b)| b.name == "location" && config.around(*at, "server") == Some(id))
        .map(|(at, _)| at)
        .collect();
    let catch_all = locations.iter().copied().find(|at| config.blocks.get(*at).is_some_and(|b| b.args == ["/"]));
    let sends_on = |at: usize| {
        config.of(at, "return").any(|d| d.args.iter().any(|a| a.starts_with("https://")))
            || config.of(at, "rewrite").any(|d| d.args.iter().any(|a| a.starts_with("https://")))
    };
    let conditional = config.blocks.iter().enumerate().any(|(at, b)| {
        b.name == "if"
            && b.parent == id
            && b.args.iter().any(|a| a.contains("$host") || a.contains("$scheme"))
            && sends_on(at)
    });
    let redirects = !encrypted && (sends_on(id) || catch_all.is_some_and(sends_on) || conditional);
    let root = config.inherited(id, "root").last().and_then(|d| d.args.first().cloned());
    facts.push(WebSite {
        source: block.source.clone(),
        line: Some(block.line),
        program: "nginx".to_owned(),
        name: name.clone(),
        listens: listens.join(" "),
        reach: reach.to_owned(),
        encrypted,
        redirects,
        root: root.clone(),
        shows_version: first("server_tokens").is_none_or(|v| v == "on" || v == "build"),
        protocols: encrypted.then(|| protocols.unwrap_or_else(|| "TLSv1.2 TLSv1.3".to_owned())),
        weak_ciphers: first("ssl_ciphers").is_some_and(|c| c.contains("SECLEVEL=0")),
        headers: headers.join(" "),
    });
    if redirects {
        return;
    }
    let blocked = |at: usize| {
        config.of(at, "deny").any(|d| d.args == ["all"])
            || config.of(at, "return").any(|d| d.args.first().is_some_and(|a| a == "403" || a == "404" || a == "444"))
    };
    let hides_dots = locations.iter().any(|at| {
        let pattern = config.blocks.get(*at).map(|b| b.args.join(" ")).unwrap_or_default();
        (pattern.contains("/\\.") || pattern.contains("\\.git") || pattern.contains("/.git")) && blocked(*at)
    });
    let passes = |at: usize| {
        ["proxy_pass", "uwsgi_pass", "fastcgi_pass", "grpc_pass", "scgi_pass", "return"]
            .iter()
            .any(|name| config.of(at, name).next().is_some())
            && config.of(at, "try_files").next().is_none()
    };
    let passed_on = catch_all.is_some_and(passes) || passes(id);
    for at in std::iter::once(id).chain(locations) {
        let here = |name: &'static str| config.of(at, name).last();
        let inherited = if at == id { config.inherited(id, "root").last().copied() } else { here("root") };
        for d in inherited.into_iter().chain(here("alias")) {
            let Some(path) = d.args.first() else { continue };
            shown.push(Shown {
                path: path.clone(),
                site: name.clone(),
                reach: reach.to_owned(),
                source: d.source.clone(),
                line: d.line,
                hides_dots,
                passed_on: passed_on && at == id,
            });
        }
    }
}

/// The address of a `listen`: `80` and `*:80` are all of them.
fn address_of(listen: &str) -> &str {
    if listen.bytes().all(|b| b.is_ascii_digit()) {
        return "*";
    }
    if listen.starts_with('[') || listen.starts_with("unix:") {
        return listen;
    }
    listen.rsplit_once(':').map_or(listen, |(address, _)| address)
}
