//! Connections: how many there are, and what goes wrong with them: packets that had to be sent again, connections that
//! were cut, knocks that nobody answered. From `/proc/net/snmp`, `netstat` and `sockstat` (proc_net(5), RFC 4022).

use super::{
    Sample, Sampler, Values,
    again::Again,
    declare::{Kind, counter, metrics},
};
use crate::{facts::Gap, host::Host};

metrics! {
    /// Connections and sockets: `established` connections, `time_wait` ones that ended a moment ago, `orphan` ones without
    /// a program, `udp` sockets.
    SOCKETS = "system.network.connection.count", "Connections", "{connection}", Kind::Gauge, Neither, 0,
        by ["network.connection.state"];
    /// Connections that were opened, by who began.
    OPENED = "system.network.tcp.opened", "New connections", "{connection}/s",
        counter("system.network.tcp.opened", "{connection}"), Neither, 2, by ["network.io.direction"];
    /// Packets of connections that were sent.
    SENT = "system.network.tcp.segments", "Sent packets", "{packet}/s", counter("system.network.tcp.segments", "{packet}"),
        Neither, 1;
    /// Packets of connections that were lost and sent again.
    RESENT = "system.network.tcp.retransmits", "Packets sent again", "{packet}/s",
        counter("system.network.tcp.retransmits", "{packet}"), Less, 3;
    /// Connections that were cut: `established` ones, `failed` attempts, `sent` and refused by this machine.
    RESETS = "system.network.tcp.resets", "Cut connections", "{connection}/s",
        counter("system.network.tcp.resets", "{connection}"), Less, 3, by ["network.tcp.reset"];
    /// Connections that a program here was too slow to take.
    UNANSWERED = "system.network.tcp.listen_drops", "Connections nobody took", "{connection}/s",
        counter("system.network.tcp.listen_drops", "{connection}"), Less, 3;
}

/// The sampler.
pub(super) const SAMPLER: Sampler = Sampler {
    name: "tcp",
    about: "how many connections there are, and what goes wrong with them",
    metrics: METRICS,
    every: super::ALWAYS,
    waits: false,
    start: |with| Ok(Box::new(Tcp::new(&with.host)?)),
};

struct Tcp {
    snmp: Again,
    netstat: Again,
    sockets: Again,
}

impl Tcp {
    fn new(host: &Host) -> Result<Self, Gap> {
        let open = |path| Again::open(host, path, "how connections are");
        Ok(Tcp {
            snmp: open("/proc/net/snmp")?,
            netstat: open("/proc/net/netstat")?,
            sockets: open("/proc/net/sockstat")?,
        })
    }
}

/// The counts of one protocol: a line of names, and one of numbers.
fn pairs<'a>(text: &'a str, protocol: &str) -> impl Iterator<Item = (&'a str, u64)> {
    let mut lines = text.lines().filter_map(move |line| line.strip_prefix(protocol)?.strip_prefix(": "));
    let (names, numbers) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let pairs = names.split_ascii_whitespace().zip(numbers.split_ascii_whitespace());
    pairs.filter_map(|(name, number)| Some((name, number.parse().ok()?)))
}

impl Sample for Tcp {
    #[allow(clippy::cast_precision_loss)]
    fn sample(&mut self, values: &mut Values) -> Result<(), Gap> {
        for (name, n) in pairs(self.snmp.read()?, "Tcp") {
            match name {
                "CurrEstab" => values.gauge(&SOCKETS, &["established"], n as f64),
                "ActiveOpens" => values.counter(&OPENED, &["transmit"], n, 1.0),
                "PassiveOpens" => values.counter(&OPENED, &["receive"], n, 1.0),
                "OutSegs" => values.counter(&SENT, &[], n, 1.0),
                "RetransSegs" => values.counter(&RESENT, &[], n, 1.0),
                "EstabResets" => values.counter(&RESETS, &["established"], n, 1.0),
                "AttemptFails" => values.counter(&RESETS, &["failed"], n, 1.0),
                "OutRsts" => values.counter(&RESETS, &["sent"], n, 1.0),
                _ => {}
            }
        }
        for (name, n) in pairs(self.netstat.read()?, "TcpExt") {
            if name == "ListenDrops" {
                values.counter(&UNANSWERED, &[], n, 1.0);
                break;
            }
        }
        for line in self.sockets.read()?.lines() {
            let Some((kind, rest)) = line.split_once(": ") else { continue };
            let mut fields = rest.split_ascii_whitespace();
            while let (Some(name), Some(n)) = (fields.next(), fields.next()) {
                let state = match (kind, name) {
                    ("TCP", "tw") => "time_wait",
                    ("TCP", "orphan") => "orphan",
                    ("UDP", "inuse") => "udp",
                    _ => continue,
                };
                if let Ok(n) = n.parse() {
                    values.gauge(&SOCKETS, &[state], n);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::testing::{Tree, read};

    #[test]
    fn what_goes_wrong_with_connections_is_counted() {
        let snmp = |resent: u64| {
            format!(
                "Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: RtoAlgorithm MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts\nTcp: 1 -1 10 20 1 2 7 100 {} {resent} 0 3\n",
                1000 + resent * 10
            )
        };
        let netstat = |drops: u64| {
            format!(
                "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPHPHits\nTcpExt: 0 0 {drops} 5\nIpExt: InNoRoutes\nIpExt: 0\n"
            )
        };
        let tree = Tree::new(&[
            ("proc/net/snmp", &snmp(0)),
            ("proc/net/netstat", &netstat(1)),
            (
                "proc/net/sockstat",
                "sockets: used 21\nTCP: inuse 1 orphan 2 tw 3 alloc 12 mem 105\nUDP: inuse 4 mem 0\n",
            ),
        ]);
        let mut tcp = Tcp::new(&tree.host()).unwrap();
        let mut values = Values::default();
        let told = read(&mut tcp, &mut values, 1);
        let of = |state: &str| told[&format!("system.network.connection.count{{{state}}}")];
        assert_eq!(["established", "time_wait", "orphan", "udp"].map(of), [7.0, 3.0, 2.0, 4.0]);
        tree.write("proc/net/snmp", &snmp(5));
        tree.write("proc/net/netstat", &netstat(3));
        let told = read(&mut tcp, &mut values, 11);
        assert_eq!(told["system.network.tcp.retransmits"], 0.5);
        assert_eq!(told["system.network.tcp.segments"], 5.0);
        assert_eq!(told["system.network.tcp.listen_drops"], 0.2);
    }
}
