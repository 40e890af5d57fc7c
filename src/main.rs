//! The `cleanbill` program.
#![allow(clippy::print_stdout, clippy::unwrap_used)]
use cleanbill::{checks, facts::FactDb, host::Host, probes};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let host = match std::env::var("ROOT") {
        Ok(root) => Host::image(root.as_ref()).unwrap(),
        Err(_) => Host::live().unwrap(),
    };
    let start = std::time::Instant::now();
    let facts = probes::run(probes::ALL, &host, |e| println!("{e:?}"));
    println!("probes {:?}", start.elapsed());
    for gap in facts.gaps() {
        println!("gap {gap:?}");
    }
    let db = FactDb::load(probes::tables(), &facts, host.now()).unwrap();
    if args.get(1).is_some_and(|a| a == "query") {
        for row in db.select(&args[2], &[]).unwrap().into_maps() {
            println!("{}", serde_json::Value::Object(row));
        }
        return;
    }
    let catalogue = checks::Catalogue::builtin().unwrap();
    let start = std::time::Instant::now();
    for outcome in checks::run(catalogue.checks(), &db, &facts, &Default::default(), |_| {}) {
        println!("{} {:?}", outcome.check, outcome.verdict);
    }
    println!("checks {:?}", start.elapsed());
}
