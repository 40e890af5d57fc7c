use super::*;
use crate::{
    facts::Reason,
    probes::{run_one, tests::tree_with},
};

fn read(files: &[(&str, &str)]) -> Facts {
    let dir = tree_with("web", files);
    run_one(&PROBE, &Host::image(dir.path()).unwrap())
}

const NGINX: (&str, &str) = ("/usr/sbin/nginx", "");
const APACHE: (&str, &str) = ("/usr/sbin/apache2", "");
const MAIN: &str = "/etc/nginx/nginx.conf";

#[test]
fn a_fresh_debian_nginx_serves_one_plain_site() {
    let facts = read(&[
        NGINX,
        (MAIN, "<nginx/nginx.conf"),
        ("/etc/nginx/mime.types", "types { text/html html; }"),
        ("/etc/nginx/sites-enabled/default", "<nginx/default"),
        ("/var/www/html/index.nginx-debian.html", "hello"),
    ]);
    assert!(facts.gaps().is_empty(), "{:?}", facts.gaps());
    let sites = facts.rows("web_sites");
    assert_eq!(sites.len(), 1);
    let site = &sites[0];
    assert_eq!((&site["name"], &site["reach"], &site["encrypted"]), (&"_".into(), &"any".into(), &false.into()));
    assert_eq!((&site["root"], &site["shows_version"]), (&"/var/www/html".into(), &true.into()));
    assert_eq!(facts.rows("web_servers")[0]["worker"], "www-data");
    assert_eq!(facts.rows("web_roots").len(), 1);
    assert!(facts.rows("web_root_files").is_empty());
}

#[test]
fn words_quotes_comments_and_code_are_told_apart() {
    let facts = read(&[
        NGINX,
        (
            MAIN,
            "http {\n  log_format x '$a \"{;}\"' # } ;\n   \"b\\\"c\";\n  content_by_lua_block { local s = \"}\" -- }\n if x then { } end }\n  map $a ${b}c { default 1; }\n  server_tokens\toff;\n  server { listen 127.0.0.1:8080; location ~ \\.php$ { deny all; } }\n}\n",
        ),
    ]);
    let rows = facts.rows("nginx_directives");
    assert_eq!(rows[0]["args"], "x $a \"{;}\" b\"c");
    let tokens = rows.iter().find(|r| r["directive"] == "server_tokens").unwrap();
    assert_eq!((&tokens["line"], &tokens["context"]), (&7.into(), &"http".into()));
    let deny = rows.iter().find(|r| r["directive"] == "deny").unwrap();
    assert_eq!((&deny["context"], &deny["block_args"]), (&"http/server/location".into(), &"~ \\.php$".into()));
    let site = &facts.rows("web_sites")[0];
    assert_eq!((&site["reach"], &site["shows_version"]), (&"loopback".into(), &false.into()));
}

#[test]
fn includes_in_a_circle_end_and_missing_ones_are_gaps() {
    let facts = read(&[NGINX, (MAIN, "include nginx.conf;\ninclude none.conf;\nevents {}\n")]);
    let told: Vec<_> = facts.gaps().iter().map(|g| (g.source.clone(), g.reason.clone())).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&(MAIN.to_owned(), servers::too_much())), "{told:?}");
    assert!(facts.rows("nginx_directives").is_empty());
    let facts = read(&[APACHE, ("/etc/apache2/apache2.conf", "Include apache2.conf\nServerTokens Prod\n")]);
    assert_eq!(facts.gaps()[0].reason, servers::too_much());
}

#[test]
fn folders_and_files_that_are_too_many_are_told() {
    let sites: String = (0..=roots::ROOTS).map(|n| format!("server {{ listen 80; root /srv/{n}; }}\n")).collect();
    let facts = read(&[NGINX, (MAIN, &format!("http {{ {sites} }}"))]);
    assert_eq!(facts.gaps()[0].reason, Reason::Broken("there are more than 100".to_owned()));
    let conf = (MAIN, "http { server { listen 80; root /srv/a; } }");
    let dir = tree_with("web", &[NGINX, conf, ("/srv/a/x", ""), ("/srv/a/.env", "")]);
    let host = Host::image(dir.path()).unwrap();
    let facts = run_one(&PROBE, &host.until(std::time::Instant::now()));
    assert_eq!(facts.rows("web_roots").len(), 1);
    assert_eq!(facts.gaps()[0].reason, Reason::TimedOut);
    // As if nearly all were seen already: to make that many takes long on a busy disk.
    let shown = Shown {
        path: "/srv/a".to_owned(),
        site: "_".to_owned(),
        reach: "any".to_owned(),
        source: MAIN.to_owned(),
        line: 1,
        hides_dots: false,
        passed_on: false,
    };
    let look = |mut seen: usize| roots::folder(&host, &shown, "/srv/a", "/srv/a", 0, &mut seen, &mut Facts::new());
    assert_eq!(look(roots::NAMES - 2), Ok(()));
    assert_eq!(look(roots::NAMES - 1), Err(Reason::Broken("there are more than 20,000".to_owned())));
}

#[test]
fn sites_inherit_and_redirects_to_https_are_known() {
    let facts = read(&[
        NGINX,
        (
            MAIN,
            "http { ssl_protocols TLSv1.2; server_tokens off;\n server { listen 80; return 301 https://$host$request_uri; }\n server { listen 80; server_name a b; if ($host = a) { return 301 https://$host$request_uri; } return 404; }\n server { listen 443 ssl; listen [::]:443 ssl; add_header X-Frame-Options DENY; root /srv; }\n}",
        ),
    ]);
    let sites = facts.rows("web_sites");
    assert_eq!((&sites[0]["redirects"], &sites[1]["redirects"]), (&true.into(), &true.into()));
    assert_eq!((&sites[2]["protocols"], &sites[2]["headers"]), (&"TLSv1.2".into(), &"x-frame-options".into()));
}

#[test]
fn files_that_are_not_for_visitors_are_found_unless_kept_back() {
    let conf = |extra: &str| format!("http {{ server {{ listen 80; root /srv/www/; {extra} }} }}");
    let files = |conf: &'static str| {
        vec![
            NGINX,
            (MAIN, conf),
            ("/srv/www/.git/HEAD", "ref"),
            ("/srv/www/.env", "SECRET=1"),
            ("/srv/www/.env.example", ""),
            ("/srv/www/sub/dump.sql.gz", ""),
            ("/srv/www/sub/deep/more.sql", ""),
            ("/srv/www/report.zip", ""),
            ("/srv/www/site-backup.zip", ""),
        ]
    };
    let open = read(&files(Box::leak(conf("").into_boxed_str())));
    let found: Vec<_> = open
        .rows("web_root_files")
        .iter()
        .map(|r| format!("{} {}", r["kind"].as_str().unwrap(), r["guarded"]))
        .collect();
    assert_eq!(found, ["env false", "git false", "backup false", "dump false"]);
    let closed = read(&files(Box::leak(conf("location ~ /\\. { deny all; }").into_boxed_str())));
    let found: Vec<_> = closed.rows("web_root_files").iter().map(|r| r["guarded"].as_bool().unwrap()).collect();
    assert_eq!(found, [true, true, false, false]);
    let passed = read(&files(Box::leak(conf("location / { proxy_pass http://app; }").into_boxed_str())));
    assert!(passed.rows("web_root_files").iter().all(|r| r["guarded"] == true));
}

fn apache(extra: &[(&'static str, &'static str)]) -> Facts {
    let mut files = vec![
        APACHE,
        ("/etc/apache2/apache2.conf", "<apache2/apache2.conf"),
        ("/etc/apache2/ports.conf", "<apache2/ports.conf"),
        ("/etc/apache2/envvars", "<apache2/envvars"),
        ("/etc/apache2/conf-enabled/security.conf", "<apache2/security.conf"),
        ("/etc/apache2/sites-enabled/000-default.conf", "<apache2/000-default.conf"),
    ];
    files.extend_from_slice(extra);
    read(&files)
}

#[test]
fn a_fresh_debian_apache_serves_one_plain_site() {
    let facts = apache(&[]);
    assert!(facts.gaps().is_empty(), "{:?}", facts.gaps());
    let sites = facts.rows("web_sites");
    assert_eq!(sites.len(), 1);
    assert_eq!(
        (&sites[0]["listens"], &sites[0]["reach"], &sites[0]["root"]),
        (&"80".into(), &"any".into(), &"/var/www/html".into())
    );
    assert_eq!(facts.rows("web_servers")[0]["worker"], "www-data");
    let log = facts
        .rows("apache_directives")
        .into_iter()
        .find(|r| r["directive"] == "errorlog" && r["context"] == "VirtualHost")
        .unwrap();
    assert_eq!(log["args"], "/var/log/apache2/error.log");
}

#[test]
fn parts_for_modules_count_only_when_the_module_is_on() {
    let site = ("/etc/apache2/sites-enabled/default-ssl.conf", "<apache2/default-ssl.conf");
    let off = apache(&[site]);
    assert_eq!(off.rows("apache_directives").iter().filter(|r| r["directive"] == "listen").count(), 1);
    let on = apache(&[
        ("/etc/apache2/mods-enabled/ssl.load", "<apache2/ssl.load"),
        ("/etc/apache2/mods-enabled/ssl.conf", "<apache2/ssl.conf"),
        site,
    ]);
    let sites = on.rows("web_sites");
    let ssl = sites.iter().find(|s| s["encrypted"] == true).unwrap();
    assert_eq!((&ssl["listens"], &ssl["protocols"]), (&"443".into(), &"TLSv1 TLSv1.1 TLSv1.2 TLSv1.3".into()));
}

#[test]
fn php_settings_of_a_pool_and_of_conf_d_count() {
    let facts = read(&[
        ("/usr/sbin/php-fpm8.2", ""),
        ("/etc/php/8.2/fpm/php.ini", "[PHP]\ndisplay_errors = Off\nexpose_php = Off\n"),
        ("/etc/php/8.2/fpm/conf.d/99-dev.ini", "display_errors = On\n"),
        ("/etc/php/8.2/fpm/pool.d/www.conf", "[www]\nphp_admin_flag[allow_url_include] = on\n"),
        ("/etc/php/7.4/fpm/php.ini", "display_errors = On\n"),
    ]);
    let rows = facts.rows("php_settings");
    let value = |name: &str, pool: bool| {
        rows.iter()
            .find(|r| r["name"] == name && r["pool"].is_string() == pool)
            .map(|r| r["value"].as_str().unwrap().to_owned())
    };
    assert_eq!(value("display_errors", false).as_deref(), Some("1"));
    assert_eq!(value("allow_url_include", true).as_deref(), Some("1"));
    assert!(rows.iter().all(|r| r["version"] == "8.2"));
}
