//! Work for the machine that measuring has to see: a processor, a disk and a network are kept busy at a steady pace.

use std::{
    io::{Read as _, Seek as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::FileExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Work for the machine, steady, so that it does not matter much when exactly it is looked at. Ends when it is dropped.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    pub burner: Child,
}

impl Load {
    pub fn start(folder: &Path, burner: &str) -> Self {
        // A program of its own name, to find it again among all.
        std::fs::hard_link(std::env::current_exe().unwrap(), folder.join(burner)).unwrap();
        let burner = Command::new(folder.join(burner))
            .args(["--exact", "metrics::load::burn", "--ignored"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        let mut every = |pause: u64, mut work: Box<dyn FnMut() + Send>| {
            let stop = Arc::clone(&stop);
            threads.push(std::thread::spawn(move || {
                let mut next = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    work();
                    next += Duration::from_millis(pause);
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            }));
        };
        let mut file = std::fs::File::options();
        let mut file = file.read(true).write(true).create_new(true).open(folder.join("written")).unwrap();
        let (mut place, mut part) = (0, vec![7; 1 << 20]);
        every(
            100,
            Box::new(move || {
                file.write_all(&part).unwrap();
                file.sync_data().unwrap();
                // It is read from the disk only when memory has forgotten it.
                rustix::fs::fadvise(&file, place, None, rustix::fs::Advice::DontNeed).unwrap();
                file.read_exact_at(&mut part, place).unwrap();
                place = file.stream_position().unwrap();
                if place >= 64 << 20 {
                    file.rewind().unwrap();
                    place = 0;
                }
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut sender = TcpStream::connect(address).unwrap();
        let (mut receiver, _) = listener.accept().unwrap();
        std::thread::spawn(move || std::io::copy(&mut receiver, &mut std::io::sink()));
        every(5, Box::new(move || sender.write_all(&vec![7; 64 << 10]).unwrap()));
        every(
            50,
            Box::new(move || {
                let stream = TcpStream::connect(address).unwrap();
                drop(listener.accept().unwrap());
                let _ = (&stream).read(&mut [0; 1]);
            }),
        );
        Load { stop, threads, burner }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
        let _ = self.burner.kill();
        let _ = self.burner.wait();
    }
}

#[test]
#[ignore = "a part of values_agree_with_those_of_other_programs: works half of the time until it is ended"]
fn burn() {
    let begun = Instant::now();
    // Should nobody end it, it ends itself.
    while begun.elapsed() < Duration::from_secs(300) {
        let work = Instant::now();
        while work.elapsed() < Duration::from_millis(5) {
            std::hint::spin_loop();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
