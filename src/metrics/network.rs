//! Network cards: what comes in and goes out, and what was lost or broken. From `/proc/net/dev` (proc_net(5)).

use super::{
    Sample, Sampler, Values,
    again::Again,
    declare::{counter, metrics},
};
use crate::{facts::Gap, host::Host};

metrics! {
    /// What came in and went out.
    IO = "system.network.io", "Network traffic", "By/s", counter("system.network.io", "By"), Neither, 0,
        by ["network.interface.name", "network.io.direction"];
    /// Packets that came in and went out.
    PACKETS = "system.network.packet.count", "Packets", "{packet}/s", counter("system.network.packet.count", "{packet}"),
        Neither, 1, by ["network.interface.name", "network.io.direction"];
    /// Packets that were broken.
    ERRORS = "system.network.errors", "Broken packets", "{error}/s", counter("system.network.errors", "{error}"), Less, 3,
        by ["network.interface.name", "network.io.direction"];
    /// Packets that were thrown away for lack of room, or because nobody wanted them.
    DROPPED = "system.network.packet.dropped", "Dropped packets", "{packet}/s",
        counter("system.network.packet.dropped", "{packet}"), Less, 3, by ["network.interface.name", "network.io.direction"];
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "network",
    about: "what network cards carry, and what they lose",
    metrics: METRICS,
    every: super::ALWAYS,
    waits: false,
    start: |with| Ok(Box::new(Network::new(&with.host)?)),
};

struct Network(Again);

impl Network {
    fn new(host: &Host) -> Result<Self, Gap> {
        Ok(Network(Again::open(host, "/proc/net/dev", "what network cards carry")?))
    }
}

impl Sample for Network {
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        for line in self.0.read()?.lines().skip(2) {
            let Some((name, rest)) = line.split_once(':') else { continue };
            let name = name.trim();
            let mut counts = [0_u64; 16];
            for (count, field) in counts.iter_mut().zip(rest.split_ascii_whitespace()) {
                *count = field.parse().unwrap_or(0);
            }
            let [
                bytes_in,
                packets_in,
                errors_in,
                drops_in,
                ..,
                bytes_out,
                packets_out,
                errors_out,
                drops_out,
                _,
                _,
                _,
                _,
            ] = counts;
            // What never carried anything is set up and not used, of which containers have many.
            if packets_in == 0 && packets_out == 0 {
                continue;
            }
            for (direction, bytes, packets, errors, drops) in [
                ("receive", bytes_in, packets_in, errors_in, drops_in),
                ("transmit", bytes_out, packets_out, errors_out, drops_out),
            ] {
                let labels = [name, direction];
                values.counter(&IO, &labels, bytes, 1.0);
                values.counter(&PACKETS, &labels, packets, 1.0);
                values.counter(&ERRORS, &labels, errors, 1.0);
                values.counter(&DROPPED, &labels, drops, 1.0);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{Tree, read};

    const HEAD: &str = "Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n";

    #[test]
    fn cards_that_come_and_go_are_told_while_they_are_there() {
        let dev = |lines: &str| format!("{HEAD}{lines}");
        let tree = Tree::new(&[(
            "proc/net/dev",
            &dev("    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n  ifb0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"),
        )]);
        let mut network = Network::new(&tree.host()).unwrap();
        let mut values = Values::default();
        read(&mut network, &mut values, 1);
        tree.write(
            "proc/net/dev",
            &dev("    lo: 1100 11 0 0 0 0 0 0 600 6 0 0 0 0 0 0\n eth0:5000 5 1 2 0 0 0 0 7000 7 3 4 0 0 0 0\n"),
        );
        let told = read(&mut network, &mut values, 11);
        assert_eq!(told["system.network.io{lo,receive}"], 100.0);
        assert_eq!(told["system.network.packet.count{lo,transmit}"], 0.5);
        assert!(!told.keys().any(|name| name.contains("eth0") || name.contains("ifb0")), "{told:?}");
        tree.write("proc/net/dev", &dev(" eth0:6000 15 11 2 0 0 0 0 7000 7 3 14 0 0 0 0\n"));
        let told = read(&mut network, &mut values, 21);
        assert_eq!(told["system.network.io{eth0,receive}"], 100.0);
        assert_eq!(told["system.network.errors{eth0,receive}"], 1.0);
        assert_eq!(told["system.network.packet.dropped{eth0,transmit}"], 1.0);
        // It was taken out and put in again: what it counts begins anew.
        tree.write("proc/net/dev", &dev(" eth0: 10 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"));
        assert!(!read(&mut network, &mut values, 31).contains_key("system.network.io{eth0,receive}"));
    }
}
