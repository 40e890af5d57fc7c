//! What web servers answer: requests by status, bytes, and how long answers took where the log tells it. From the access
//! logs of nginx and Apache, each followed from now on. Who asked for what is neither kept nor told.

mod declared;
mod form;
mod guess;
mod log;
mod times;

use std::time::Duration;

use self::log::Log;
use super::{
    Sample, Sampler, Values, With,
    declare::{Kind, counter, metrics},
    follow::Follow,
};
use crate::{
    facts::{Gap, Reason},
    host::Host,
    probes::web::{self, LogFormat},
    words::thousands,
};

metrics! {
    /// Requests that a web server answered, by the class of the answer: `2xx` is fine, `3xx` points elsewhere, `4xx` is
    /// a mistake of the visitor, `5xx` is a mistake of the server.
    REQUESTS = "http.server.requests", "Requests", "{request}/s", counter("http.server.requests", "{request}"), Neither, 3,
        by ["log.file.path", "http.response.status_class"];
    /// Bytes of answers that a web server sent.
    BYTES = "http.server.response.body.size", "Bytes of answers", "By/s", counter("http.server.response.body.size", "By"),
        Neither, 0, by ["log.file.path"];
    /// How long a web server took to answer over the last minute: on average (`mean`), what 95 of 100 did not exceed
    /// (`p95`), and at most (`max`).
    DURATION = "http.server.request.duration", "Time of a web server to answer", "s", Kind::Gauge, Less, 6,
        by ["log.file.path", "statistic"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "access_log",
    about: "what web servers answer, and how long it takes them",
    metrics: METRICS,
    every: Duration::from_secs(60),
    waits: true,
    start: |with| Ok(Box::new(AccessLogs::new(with)?)),
};

/// Where logs usually are.
const USUAL: [&str; 3] = ["/var/log/nginx/*access.log", "/var/log/apache2/*access.log", "/var/log/httpd/*access_log"];
/// The most logs that are followed.
const MOST: usize = 50;
/// How much of all logs together is read in a minute, in bytes: beyond it a part stands for all. That is about 200,000 lines.
const WORK: u64 = 32 << 20;
/// No log gets less of it.
const LEAST: u64 = 1 << 20;
/// How often it is looked whether there are other logs, or they have another form.
const LOOK: Duration = Duration::from_secs(600);
/// What cannot be seen.
const WHAT: &str = "what web servers answer";

struct AccessLogs {
    host: Host,
    patterns: Vec<String>,
    logs: Vec<Log>,
    /// When it was looked for logs last, and how many are too many.
    looked: Duration,
    left_out: usize,
}

impl AccessLogs {
    fn new(with: &With) -> Result<Self, Gap> {
        let named: Vec<String> =
            with.settings.access_logs.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        let patterns = if named.is_empty() { USUAL.map(str::to_owned).to_vec() } else { named };
        let now = super::since_start();
        let mut logs = AccessLogs { host: with.host.clone(), patterns, logs: Vec::new(), looked: now, left_out: 0 };
        logs.look()?;
        if logs.logs.is_empty() {
            let none = "no access log of a web server was found; name yours with `metrics.access_logs`".to_owned();
            return Err(Gap::new(WHAT, USUAL[0], Reason::Broken(none)));
        }
        Ok(logs)
    }

    /// Finds logs that are new, and what form they have now. A log that is new is followed from now on.
    fn look(&mut self) -> Result<(), Gap> {
        let mut paths: Vec<String> = Vec::new();
        for pattern in &self.patterns {
            // One that is named need not be there yet.
            let found = if pattern.contains(['*', '?', '[']) { self.host.glob(pattern) } else { vec![pattern.clone()] };
            paths.extend(found);
        }
        paths.sort();
        paths.dedup();
        self.left_out = paths.len().saturating_sub(MOST);
        paths.truncate(MOST);
        let declared = web::access_logs(&self.host);
        let formats = |path: &str| -> Vec<LogFormat> {
            let of = declared.iter().filter(|log| log.path == path);
            let mut formats: Vec<LogFormat> = of.map(|log| log.format.clone()).collect();
            formats.sort();
            formats.dedup();
            formats
        };
        self.logs.retain(|log| paths.iter().any(|path| path == log.path()));
        let mut wrong = None;
        for path in &paths {
            let formats = formats(path);
            match self.logs.iter_mut().find(|log| log.path() == path) {
                Some(log) => log.declare(formats),
                None => match Follow::from_now(&self.host, path) {
                    Ok(follow) => self.logs.push(Log::new(follow, formats)),
                    Err(error) => wrong = Some(Gap::new(WHAT, path, error.reason())),
                },
            }
        }
        wrong.map_or(Ok(()), Err)
    }
}

impl Sample for AccessLogs {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        if values.now().saturating_sub(self.looked) >= LOOK {
            self.looked = values.now();
            gaps.extend(self.look().err());
        }
        let most = (WORK / self.logs.len().max(1) as u64).max(LEAST);
        let mut buffer = Vec::new();
        for log in &mut self.logs {
            gaps.extend(log.read(&self.host, most, &mut buffer, values).err());
        }
        if self.left_out > 0 {
            let what = format!("there are {} logs more than are followed", thousands(self.left_out));
            gaps.push(Gap::new("all access logs", USUAL[0], Reason::Broken(what)));
        }
        gaps.into_iter().next().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use super::*;
    use crate::{
        config,
        metrics::testing::{Tree, read, told},
    };

    struct Web {
        tree: Tree,
        logs: AccessLogs,
        values: Values,
        minute: u64,
    }

    impl Web {
        fn new(files: &[(&str, &str)], named: &[&str]) -> Result<Self, Gap> {
            let tree = Tree::new(files);
            let access_logs = named.iter().map(PathBuf::from).collect();
            let with = With::new(tree.host(), config::Metrics { access_logs, ..Default::default() });
            let mut logs = AccessLogs::new(&with)?;
            logs.looked = Duration::ZERO;
            let mut web = Web { tree, logs, values: Values::default(), minute: 0 };
            web.read();
            Ok(web)
        }

        fn add(&self, path: &str, lines: &str) {
            use std::io::Write as _;
            let path = self.tree.path().join(path);
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
            file.write_all(lines.as_bytes()).unwrap();
        }

        /// How many a minute.
        fn read(&mut self) -> BTreeMap<String, f64> {
            self.minute += 1;
            read(&mut self.logs, &mut self.values, self.minute * 60)
        }

        fn gap(&mut self) -> (Gap, BTreeMap<String, f64>) {
            self.minute += 1;
            self.values.begin(Duration::from_secs(self.minute * 60));
            let gap = self.logs.sample(&mut self.values).unwrap_err();
            (gap, told(&self.values))
        }
    }

    fn line(status: u16, behind: &str) -> String {
        format!("192.0.2.1 - - [26/Nov/2026:11:00:00 +0000] \"GET / HTTP/1.1\" {status} 600 \"-\" \"x\"{behind}\n")
    }

    const NGINX: &str = "/var/log/nginx/access.log";

    #[test]
    fn answers_are_counted_by_class_with_their_times() {
        let mut web = Web::new(&[("var/log/nginx/access.log", &line(500, ""))], &[]).unwrap();
        for (status, n) in [(200, 30), (304, 6), (404, 3), (503, 6)] {
            web.add("var/log/nginx/access.log", &line(status, " rt=0.250").repeat(n));
        }
        web.add("var/log/nginx/access.log", "\u{fffd}\n\n");
        let told = web.read();
        let of = |class: &str| told[&format!("http.server.requests{{{NGINX},{class}}}")];
        assert_eq!(["2xx", "3xx", "4xx", "5xx"].map(of), [0.5, 0.1, 0.05, 0.1]);
        assert_eq!(told[&format!("http.server.response.body.size{{{NGINX}}}")], 450.0);
        let time = |statistic: &str| told[&format!("http.server.request.duration{{{NGINX},{statistic}}}")];
        assert_eq!(["mean", "p95", "max"].map(time), [0.25; 3]);
        let told = web.read();
        assert!(told.len() == 5 && told.values().all(|value| *value == 0.0), "{told:?}");
        assert_eq!(web.values.values().iter().filter_map(|v| v.total).sum::<f64>(), 45.0 + 45.0 * 600.0);
    }

    #[test]
    fn logs_that_come_later_are_found_and_others_are_left_alone() {
        let mut web =
            Web::new(&[("var/log/apache2/a-access.log", ""), ("var/log/apache2/error.log", "")], &[]).unwrap();
        web.tree.write("var/log/apache2/b-access.log", &line(200, ""));
        web.tree.write("var/log/httpd/access_log", "");
        assert!(web.read().keys().all(|name| name.contains("a-access")));
        web.minute += 10;
        web.read();
        let told = web.read();
        assert_eq!(told.keys().filter(|name| name.contains("2xx")).count(), 3, "{told:?}");
        assert!(Web::new(&[], &[]).is_err());
        let mut named = Web::new(&[], &["/srv/shop.log"]).unwrap();
        named.tree.write("srv/shop.log", &line(200, ""));
        assert!(named.read()["http.server.requests{/srv/shop.log,2xx}"] > 0.0);
    }

    #[test]
    fn the_settings_of_the_server_tell_the_form() {
        let mut web = Web::new(
            &[
                ("usr/sbin/nginx", ""),
                (
                    "etc/nginx/nginx.conf",
                    "http { log_format odd escape=json '$status|' '$request_time|$body_bytes_sent|$request';\n\
                     access_log /var/log/nginx/access.log odd buffer=32k; access_log off; include conf.d/*; }",
                ),
                ("etc/nginx/conf.d/x.conf", "server { access_log /var/log/nginx/b.access.log; access_log /x.gz combined gzip; }"),
                ("usr/sbin/apache2", ""),
                ("etc/apache2/envvars", "export APACHE_LOG_DIR=/var/log/apache2\n"),
                (
                    "etc/apache2/apache2.conf",
                    "LogFormat \"%>s %D \\\"%r\\\"\" short\nCustomLog ${APACHE_LOG_DIR}/access.log short\nCustomLog \"|/bin/x\" short\n",
                ),
                ("var/log/nginx/access.log", ""),
                ("var/log/nginx/b.access.log", ""),
                ("var/log/apache2/access.log", ""),
            ],
            &[],
        )
        .unwrap();
        web.add("var/log/nginx/access.log", "200|0.5|600|GET / HTTP/1.1\n");
        web.add("var/log/nginx/b.access.log", &line(404, ""));
        web.add("var/log/apache2/access.log", "500 1500 \"GET /\"\n");
        let told = web.read();
        for (name, value) in [
            ("http.server.requests{/var/log/nginx/access.log,2xx}", 0.017),
            ("http.server.request.duration{/var/log/nginx/access.log,mean}", 0.5),
            ("http.server.response.body.size{/var/log/nginx/access.log}", 10.0),
            ("http.server.requests{/var/log/nginx/b.access.log,4xx}", 0.017),
            ("http.server.requests{/var/log/apache2/access.log,5xx}", 0.017),
            ("http.server.request.duration{/var/log/apache2/access.log,max}", 0.0015),
        ] {
            assert_eq!(told[name], value, "{name}");
        }
    }

    #[test]
    fn times_without_a_point_show_with_more_lines() {
        let mut web = Web::new(&[("var/log/nginx/access.log", "")], &[]).unwrap();
        for minute in 0..6 {
            web.add("var/log/nginx/access.log", &line(200, " 2500").repeat(5));
            let told = web.read();
            let time = told.get(&format!("http.server.request.duration{{{NGINX},max}}"));
            assert_eq!(time, (minute >= 3).then_some(&0.0025), "minute {minute}");
        }
    }

    #[test]
    fn lines_that_are_not_understood_and_floods_are_told() {
        let mut web = Web::new(&[("var/log/nginx/access.log", "")], &[]).unwrap();
        web.add("var/log/nginx/access.log", &"nothing that is known\n".repeat(1000));
        let (gap, told) = web.gap();
        assert!(gap.why().contains("form that is not known"), "{gap:?}");
        assert_eq!(told[&format!("http.server.requests{{{NGINX},2xx}}")], 0.0);
        // When the server writes another form, that is noticed.
        web.add("var/log/nginx/access.log", &line(200, "").repeat(60));
        assert_eq!(web.read()[&format!("http.server.requests{{{NGINX},2xx}}")], 1.0);
        let flood = [line(200, "").repeat(9), line(500, "")].concat().repeat(60_000);
        web.add("var/log/nginx/access.log", &flood);
        let (gap, told) = web.gap();
        assert!(gap.why().contains("one line of 2 was read"), "{gap:?}");
        let of = |class: &str| told[&format!("http.server.requests{{{NGINX},{class}}}")];
        assert!((of("2xx") / 9000.0 - 1.0).abs() < 0.01 && (of("5xx") / 1000.0 - 1.0).abs() < 0.01, "{told:?}");
    }
}
