//! Documents made up for the purpose: everything stays on its page, nothing is lost, nothing hostile gets through.

use proptest::prelude::*;

use super::{
    super::{Detail, Logo, Paper},
    block::{Block, Card, Column, List, Mark, Table, Text, code, plain},
    flow::{Flow, What},
    paginate::{Page, Placed, paginate},
    shape::Shaper,
    tags::Role,
    theme::{Sheet, Style},
    *,
};

/// A line of text on a page: left, top, right, bottom, from the upper left of the page's text.
#[derive(Debug, Clone)]
struct Box {
    page: usize,
    rect: [f32; 4],
    text: String,
    role: Role,
    repeated: bool,
}

fn flow() -> Flow {
    let sheet = Sheet::of(Paper::A4);
    Flow::new(Shaper::new(true).unwrap(), sheet.text_width(), sheet.text_height())
}

fn boxes(flow: &Flow, pages: &[Page]) -> Vec<Box> {
    let mut out = Vec::new();
    for (page, content) in pages.iter().enumerate() {
        for placed in &content.placed {
            let (strip, top, repeated) = match placed {
                Placed::Strip(n, top) => (&flow.ribbon.strips[*n], *top, false),
                Placed::Head(strip, top) => (strip.as_ref(), *top, true),
            };
            for item in &strip.items {
                let What::Line(line) = &item.what else { continue };
                let size = line.atoms.iter().map(|a| a.look.size).fold(0.0, f32::max);
                let (base, right) = (top + item.y, item.x + line.width);
                let text = line.atoms.iter().map(|a| said(flow, a)).collect();
                let role = flow.tags.get(item.tag).map_or(Role::P, |e| e.role);
                out.push(Box {
                    page,
                    rect: [item.x, base - size * 0.74, right, base + size * 0.2],
                    text,
                    role,
                    repeated,
                });
            }
        }
    }
    out
}

/// What a word says, in the order in which it stands on the page.
fn said(flow: &Flow, atom: &super::wrap::Atom) -> String {
    let glyphs = atom.word.runs.iter().flat_map(|r| r.glyphs.iter().map(|g| (r.face, g.code)));
    glyphs.map(|(face, code)| flow.shaper.used()[face].codes()[usize::from(code)].2.to_string()).collect()
}

fn all_text(boxes: &[Box]) -> String {
    boxes.iter().map(|b| b.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Every promise that holds for any document.
fn is_sound(flow: &Flow, pages: &[Page]) -> Result<(), String> {
    let all = boxes(flow, pages);
    for b in &all {
        let [left, top, right, bottom] = b.rect;
        if left < -0.1 || right > flow.width + 0.6 || top < -0.1 || bottom > flow.page + 0.1 {
            return Err(format!("outside its page: {b:?}"));
        }
    }
    for page in 0..pages.len() {
        let mut here: Vec<&Box> = all.iter().filter(|b| b.page == page).collect();
        here.sort_by(|a, b| a.rect[1].total_cmp(&b.rect[1]));
        for (n, a) in here.iter().enumerate() {
            let below = here[n + 1..].iter().take_while(|b| b.rect[1] < a.rect[3] - 0.05);
            for b in below {
                if a.rect[0] < b.rect[2] - 0.05 && b.rect[0] < a.rect[2] - 0.05 {
                    return Err(format!("one over the other: {a:?} {b:?}"));
                }
            }
        }
        let heading = |b: &Box| matches!(b.role, Role::H1 | Role::H2 | Role::H3);
        if page + 1 < pages.len() && here.last().is_some_and(|b| heading(b)) {
            return Err(format!("a heading alone at the foot of page {page}"));
        }
        if here.is_empty() {
            return Err(format!("page {page} is empty"));
        }
    }
    Ok(())
}

fn laid(blocks: &[Block]) -> (Flow, Vec<Page>) {
    let mut flow = flow();
    for block in blocks {
        flow.add(block);
    }
    let pages = paginate(&flow.ribbon.strips, flow.page);
    is_sound(&flow, &pages).unwrap();
    (flow, pages)
}

fn paragraph(text: &str) -> Block {
    Block::Text(Text::new(Style::BODY, vec![plain(text)]))
}

fn words(n: usize) -> String {
    (0..n).map(|n| format!("word{n} ")).collect()
}

fn heading(text: &str) -> Block {
    Block::Text(Text::heading(Role::H2, Style::H2, vec![plain(text)]))
}

fn table(rows: usize, text: impl Fn(usize) -> String) -> Table {
    let cell = |text: String| vec![Text::new(Style::CELL, vec![plain(&text)])];
    Table {
        columns: vec![Column::new("Number"), Column::new("What it is"), Column::new("Points").right()],
        rows: (0..rows).map(|n| vec![cell(format!("row{n}")), cell(text(n)), cell(n.to_string())]).collect(),
    }
}

#[test]
fn no_heading_stands_alone_and_no_page_is_left_half_empty_before_it() {
    for lead in 30..60 {
        let mut blocks: Vec<Block> = (0..lead).map(|n| paragraph(&format!("Line {n}"))).collect();
        for n in 0..12 {
            blocks.push(heading(&format!("Heading {n}")));
            blocks.push(paragraph(&words(120)));
        }
        let (flow, pages) = laid(&blocks);
        for page in &pages[..pages.len() - 1] {
            assert!(page.used > flow.page * 0.85, "{lead}: {} of {} used", page.used, flow.page);
        }
    }
}

#[test]
fn a_paragraph_leaves_at_least_two_lines_on_each_page() {
    for lead in 20..50 {
        let mut blocks: Vec<Block> = (0..lead).map(|n| paragraph(&format!("Line {n}"))).collect();
        blocks.push(paragraph(&words(300)));
        let (flow, pages) = laid(&blocks);
        for page in 0..pages.len() {
            let own = |b: &&Box| b.page == page && b.text.contains("word");
            let lines = boxes(&flow, &pages).iter().filter(own).count();
            assert_ne!(lines, 1, "{lead}");
        }
    }
}

#[test]
fn the_head_of_a_table_stands_on_each_of_its_pages_and_no_row_is_lost() {
    let (flow, pages) = laid(&[Block::Table(table(150, |n| format!("{} end{n}", words(n % 30))))]);
    assert!(pages.len() > 3);
    let all = boxes(&flow, &pages);
    for page in 0..pages.len() {
        let heads: Vec<_> = all.iter().filter(|b| b.page == page && b.text.contains("What it is")).collect();
        assert_eq!(heads.len(), 1);
        assert_eq!(heads[0].repeated, page > 0, "readers hear a head once");
    }
    let text = all_text(&all);
    for n in 0..150 {
        assert_eq!(text.matches(&format!("end{n}\n")).count(), 1, "row {n}");
    }
    // A row is on one page.
    for n in 0..150 {
        let first = all.iter().find(|b| b.text == format!("row{n}")).unwrap().page;
        let last = all.iter().find(|b| b.text.ends_with(&format!("end{n}"))).unwrap().page;
        assert_eq!(first, last, "row {n} is broken");
    }
}

#[test]
fn a_row_higher_than_a_page_goes_on_and_loses_nothing() {
    let (flow, pages) = laid(&[Block::Table(table(3, |n| if n == 1 { words(2500) } else { "short".to_owned() }))]);
    assert!(pages.len() > 1);
    let text = all_text(&boxes(&flow, &pages));
    for n in [0, 1, 1234, 2499] {
        assert_eq!(text.split_whitespace().filter(|w| *w == format!("word{n}")).count(), 1);
    }
}

#[test]
fn a_card_stays_whole_where_that_leaves_no_hole_and_a_long_one_is_broken() {
    let card = |n: usize| {
        Block::Card(Card {
            edge: 0,
            ground: Some(0),
            number: Some(n.to_string()),
            body: vec![
                Block::Text(Text::heading(Role::H3, Style::H3, vec![plain(&format!("Card {n}"))])),
                paragraph(&format!("{} end{n}", words(25))),
                Block::List(List { mark: Mark::Number, items: vec![Text::new(Style::BODY, vec![plain("a step")]); 3] }),
            ],
        })
    };
    let (flow, pages) = laid(&(0..20).map(card).collect::<Vec<_>>());
    let all = boxes(&flow, &pages);
    for n in 0..20 {
        let at = |text: String| all.iter().find(|b| b.text.ends_with(&text)).unwrap().page;
        assert_eq!(at(format!("Card {n}")), at(format!("end{n}")));
    }
    let long = Block::Card(Card { edge: 0, ground: None, number: None, body: vec![paragraph(&words(3000))] });
    let (flow, pages) = laid(&[paragraph("before"), long]);
    assert!(all_text(&boxes(&flow, &pages)).contains("word2999"));
    assert!(pages[0].used > flow.page * 0.9);
}

#[test]
fn no_item_of_a_list_stands_alone_on_a_page() {
    for lead in 30..56 {
        let mut blocks: Vec<Block> = (0..lead).map(|n| paragraph(&format!("Line {n}"))).collect();
        let items = (0..40).map(|n| Text::new(Style::BODY, vec![plain(&format!("item {n}"))])).collect();
        blocks.push(Block::List(List { mark: Mark::Bullet, items }));
        let (flow, pages) = laid(&blocks);
        let all = boxes(&flow, &pages);
        for page in 0..pages.len() {
            assert_ne!(all.iter().filter(|b| b.page == page && b.text.starts_with("item")).count(), 1, "{lead}");
        }
    }
}

#[test]
fn a_word_longer_than_a_line_is_cut_and_whole() {
    let path: String = (0..10_000).map(|n| char::from(b'a' + u8::try_from(n % 26).unwrap())).collect();
    for span in [plain(&path), code(&path)] {
        let (flow, pages) = laid(&[Block::Text(Text::new(Style::BODY, vec![span]))]);
        let text: String = boxes(&flow, &pages).iter().map(|b| b.text.as_str()).collect();
        assert_eq!(text, path);
    }
}

#[test]
fn what_no_face_has_is_marked_and_what_another_has_is_shown() {
    let (flow, pages) = laid(&[paragraph("users 王明, محمد, דוד, Ελένη, Žofie 😀")]);
    let text = all_text(&boxes(&flow, &pages));
    assert!(text.contains("⟨U+738B U+660E⟩") && text.contains("⟨U+1F600⟩"), "{text}");
    assert!(text.contains("Ελένη") && text.contains("Žofie"), "{text}");
    // Right to left: the last letter comes first on the page.
    assert!(text.contains("דוד") && text.contains("دمحم"), "{text}");
}

#[test]
fn two_right_to_left_words_stand_in_their_order() {
    let (flow, pages) = laid(&[paragraph("user שלום עולם here")]);
    assert_eq!(all_text(&boxes(&flow, &pages)), "user םלוע םולש here");
}

#[test]
fn options_and_names_are_not_broken_at_their_dash() {
    let text = Text::new(Style::BODY, vec![code("apt-get --no-install-recommends")]);
    let mut shaper = Shaper::new(true).unwrap();
    let (word, all) = super::wrap::measure(&text, &mut shaper);
    let narrow = Text::new(Style::BODY, vec![code("--no-install-recommends")]);
    assert!((word - super::wrap::measure(&narrow, &mut shaper).1).abs() < 0.1 && word < all);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_text_stays_on_its_page(texts in prop::collection::vec("\\PC{0,120}", 1..30), number in 0_usize..3) {
        let mut flow = flow();
        for text in &texts {
            let text = Text::new(Style::BODY, vec![plain(text), code(text)]);
            let block = match number {
                0 => Block::Text(text),
                1 => Block::List(List { mark: Mark::Bullet, items: vec![text] }),
                _ => Block::Table(Table { columns: vec![Column::new("A"), Column::new("B")], rows: vec![vec![vec![text.clone()], vec![text]]] }),
            };
            flow.add(&block);
        }
        let pages = paginate(&flow.ribbon.strips, flow.page);
        prop_assert_eq!(is_sound(&flow, &pages), Ok(()));
    }
}

mod report {
    use std::time::Duration;

    use super::*;
    use crate::{
        audit::{Audit, LookedAt, MachineInfo},
        checks::{Catalogue, Evidence, Finding, Outcome, Severity, Verdict},
        report::{Report, build},
        store::History,
    };

    const EVIL: &str = "<b>) endobj \\ (\u{1b}[31m\u{202e}gpj {{ 70007*7 }} %\u{0} ]>> 王";

    fn made(outcomes: Vec<Outcome>, name: &str) -> Report {
        let audit = Audit {
            id: Some(7),
            machine: MachineInfo {
                host: "0123".to_owned(),
                hostname: name.to_owned(),
                os: "Debian 12".to_owned(),
                kind: "vm".to_owned(),
                role: "server".to_owned(),
                root: "/".to_owned(),
                kernel: Some("6.1.0".to_owned()),
                details: Vec::new(),
            },
            started: "2026-01-15T12:00:00Z".parse().unwrap(),
            took: Duration::from_millis(900),
            version: "0.0.0".to_owned(),
            privileged: true,
            complete: true,
            outcomes,
            gaps: Vec::new(),
            looked_at: LookedAt { files: 386_120, services: 31, programs: 412 },
        };
        build(&audit, &Catalogue::builtin().unwrap(), &History::default())
    }

    fn problem(check: &str, severity: Severity, text: &str, pieces: usize) -> Outcome {
        let piece = |n| Evidence {
            text: format!("{text} piece{n}"),
            source: Some("/etc/x".to_owned()),
            line: Some(i64::try_from(n).unwrap()),
        };
        let evidence = (0..pieces).map(piece).collect();
        Outcome::new(check, Verdict::Problem(Finding { title: text.to_owned(), severity, count: pieces, evidence }))
    }

    /// Every check of the catalogue found something.
    fn dreadful() -> Report {
        let catalogue = Catalogue::builtin().unwrap();
        let all = catalogue.checks().map(|c| problem(&c.id, c.severity, &c.title, 5));
        made(all.collect(), "web01")
    }

    fn of_report(report: &Report, options: &Options, sheet: Sheet) -> Result<(Flow, Vec<Page>), PdfError> {
        let fine = report.problems.len() <= pages::MANY;
        laid_out(sheet, fine, |flow| pages::lay(flow, report, options, None))
    }

    fn options(detail: Detail, paper: Paper) -> Options {
        Options { paper, logo: None, detail }
    }

    #[test]
    fn a_report_of_every_problem_is_sound_on_both_papers() {
        let report = dreadful();
        for paper in [Paper::A4, Paper::Letter] {
            for detail in [Detail::Owner, Detail::Technician] {
                let (flow, pages) = of_report(&report, &options(detail, paper), Sheet::of(paper)).unwrap();
                is_sound(&flow, &pages).unwrap();
                let all = boxes(&flow, &pages);
                let text = all_text(&all).replace('\n', " ");
                for p in &report.problems {
                    let start: String = p.title.chars().take(18).collect();
                    assert!(text.contains(start.trim()), "{} is lost", p.title);
                }
                assert_eq!(all.iter().filter(|b| b.text.contains("piece4")).count() > 0, detail == Detail::Technician);
                for page in &pages[1..pages.len() - 1] {
                    assert!(page.used > flow.page * 0.6, "a hole of {}", flow.page - page.used);
                }
            }
        }
    }

    #[test]
    fn a_healthy_machine_has_at_most_two_pages() {
        let catalogue = Catalogue::builtin().unwrap();
        let fine = catalogue.checks().map(|c| Outcome::new(c.id.clone(), Verdict::Ok)).collect();
        let sheet = Sheet::of(Paper::A4);
        let (flow, pages) = of_report(&made(fine, "web01"), &Options::default(), sheet).unwrap();
        is_sound(&flow, &pages).unwrap();
        assert!(pages.len() <= 2);
        assert!(!all_text(&boxes(&flow, &pages)).contains("Do these first"));
    }

    #[test]
    fn hostile_names_are_harmless_in_text_bookmarks_and_data() {
        let outcomes =
            vec![problem("not-restarted-for-long", Severity::High, EVIL, 1), problem("gone", Severity::Low, EVIL, 1)];
        let report = made(outcomes, EVIL);
        let sheet = Sheet::of(Paper::A4);
        let (flow, pages) = of_report(&report, &Options::default(), sheet).unwrap();
        is_sound(&flow, &pages).unwrap();
        let text = all_text(&boxes(&flow, &pages));
        assert!(text.contains("endobj") && text.contains("70007*7") && text.contains("⟨U+738B⟩"), "{text}");
        let marks: String = flow.bookmarks.iter().map(|b| b.title.as_str()).collect();
        for bad in ['\u{1b}', '\u{202e}', '\u{0}'] {
            assert!(!text.contains(bad) && !marks.contains(bad));
        }
        let bytes = pdf(&report, &Options::default()).unwrap();
        let raw = String::from_utf8_lossy(&bytes);
        assert!(raw.contains("&lt;b&gt;) endobj"), "the data name the machine");
        assert!(!raw.contains("<b>)") && !raw.contains('\u{202e}'));
    }

    #[test]
    fn the_same_report_gives_the_same_bytes() {
        let report = dreadful();
        let options = options(Detail::Technician, Paper::A4);
        assert!(pdf(&report, &options).unwrap() == pdf(&report, &options).unwrap());
    }

    #[test]
    fn an_overview_is_sound_and_each_machine_begins_a_page() {
        let catalogue = Catalogue::builtin().unwrap();
        let reports = [dreadful(), made(Vec::new(), "محمد 王明"), made(Vec::new(), "web02")];
        let fleet = crate::report::fleet::fleet(&reports, Vec::new(), &catalogue, None).unwrap();
        for paper in [Paper::A4, Paper::Letter] {
            let sheet = Sheet::of(paper);
            let (flow, pages) = laid_out(sheet, true, |flow| pages::fleet::lay(flow, &fleet, None)).unwrap();
            is_sound(&flow, &pages).unwrap();
            let texts: Vec<_> = boxes(&flow, &pages).into_iter().filter(|b| b.role == Role::H2).collect();
            for host in &fleet.hosts {
                // Boxes say what stands on the page, where Arabic letters go from right to left.
                let first = host.name.split(' ').next().unwrap();
                let turned: String = first.chars().rev().collect();
                let named = |b: &&Box| b.page > 0 && [first, &turned].iter().any(|name| b.text.contains(*name));
                let name = texts.iter().find(named);
                let name = name.unwrap_or_else(|| panic!("{} has no page", host.name));
                // Within its first line: no space is left above it.
                assert!(name.rect[1] < Style::H2.leading / 2.0, "{} begins at {} of its page", host.name, name.rect[1]);
            }
        }
    }

    #[test]
    fn a_logo_that_passed_its_check_is_never_refused_by_the_document() {
        let png = resvg::tiny_skia::Pixmap::new(4096, 4096).unwrap().encode_png().unwrap();
        let logo = Logo::new(png).unwrap();
        pdf(&dreadful(), &Options { logo: Some(logo), ..Options::default() }).unwrap();
    }

    #[test]
    fn a_picture_that_is_none_is_refused_in_words() {
        let bytes = b"<svg/>".to_vec();
        let logo = Some(Logo { mime: "image/png", png: bytes.clone(), bytes, size: (1, 1) });
        let error = pdf(&dreadful(), &Options { logo, ..Options::default() }).unwrap_err();
        assert!(error.to_string().starts_with("the logo cannot be used"), "{error}");
    }

    #[test]
    fn every_face_has_what_the_words_of_the_report_need() {
        let shaper = Shaper::new(true).unwrap();
        for face in fonts::FACES {
            for c in ('!'..='~').chain("äéñçßøłžđ“”’–—…·•−€".chars()) {
                let own = shaper.face(face.number()).is_some_and(|f| f.glyph_index(c).is_some_and(|g| g.0 != 0));
                assert!(own, "{face:?} has no {c}");
            }
            assert!(shaper.has(face, '✓'));
        }
    }
}
