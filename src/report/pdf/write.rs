//! From pages to the file: fonts, links, bookmarks, structure and the document's own data. What stands on a page is no matter
//! of this room.

use std::fmt::Write as _;

use subsetter::GlyphRemapper;

use super::{
    PdfError,
    block::Link,
    file::{File, Id, string},
    flow::{Bookmark, Flow, What},
    fonts::{FACES, Face},
    paginate::{Page, Placed},
    paint::{NAMES, PICTURE, Painter, round},
    picture::Picture,
    shape::Shaper,
    tags::{Kid, ROOT, Role, Tag, Tags},
    theme::Sheet,
    wrap::Line,
};
use crate::report::charts::escape;

/// What the document says about itself.
pub(super) struct About {
    pub(super) title: String,
    pub(super) subject: String,
    pub(super) version: String,
    /// The day for people, at the head of each page.
    pub(super) day: String,
    /// When the audit began: the file does not change when it is made once more.
    pub(super) made: jiff::Timestamp,
}

/// Writes the document. `edges` gives the lines at the head and foot of a page.
pub(super) fn write(
    mut flow: Flow,
    pages: &[Page],
    sheet: Sheet,
    picture: Option<&Picture>,
    about: &About,
    mut edges: impl FnMut(usize, &mut Shaper) -> Vec<(f32, f32, Line)>,
) -> Result<Vec<u8>, PdfError> {
    // From here on a reader waits longer for the pages than for the file.
    let mut file = File::new(pages.len() <= 100);
    let page_ids: Vec<Id> = pages.iter().map(|_| file.reserve()).collect();
    let tree = file.reserve();
    let element_ids: Vec<Id> = (0..flow.tags.len()).map(|_| file.reserve()).collect();
    let element = |tag: Tag| (tag as usize).checked_sub(1).and_then(|n| element_ids.get(n)).copied().unwrap_or(0);
    let (pages_id, resources) = (file.reserve(), file.reserve());
    let places = places(&flow, pages, sheet, &page_ids);
    let strips = std::mem::take(&mut flow.ribbon.strips);
    let mut painter = Painter::new(sheet, &mut flow.shaper, &mut flow.tags);
    let mut annotations: Vec<Id> = Vec::new();
    let mut parents = String::new();
    let mut annotation_parents = String::new();
    for (n, (page, id)) in pages.iter().zip(&page_ids).enumerate() {
        let edges = edges(n, painter.shaper);
        let painted = painter.page(u32::try_from(n).unwrap_or(0), page, &strips, &edges);
        let content = file.stream("", &painted.content);
        let mut list = String::new();
        for area in &painted.areas {
            // Numbers of pages come first, then those of links.
            let key = pages.len() + annotations.len();
            let Some(link) = flow.links.get(area.link as usize) else { continue };
            let annotation = file.add(link_object(link, area.rect, key, &places).as_bytes());
            let _ = write!(list, "{annotation} 0 R ");
            let _ = write!(annotation_parents, "{key} {} 0 R ", element(area.tag));
            annotations.push(annotation);
        }
        let _ = write!(parents, "{n}[");
        for owner in &painted.owners {
            let _ = write!(parents, "{} 0 R ", element(*owner));
        }
        parents.push(']');
        let object = format!(
            "<</Type/Page/Parent {pages_id} 0 R/MediaBox[0 0 {} {}]/Resources {resources} 0 R/Contents {content} 0 R/StructParents {n}/Tabs/S{}>>",
            sheet.width,
            sheet.height,
            if list.is_empty() { String::new() } else { format!("/Annots[{list}]") }
        );
        file.object(*id, object.as_bytes());
    }
    drop(strips);
    let kids: String = page_ids.iter().map(|id| format!("{id} 0 R ")).collect();
    file.object(pages_id, format!("<</Type/Pages/Count {}/Kids[{kids}]>>", pages.len()).as_bytes());
    let fonts = fonts(&mut file, &flow.shaper)?;
    let images = picture.map(|p| format!("/XObject<</{PICTURE} {} 0 R>>", p.write(&mut file)));
    let object = format!("<</Font<<{fonts}>>{}>>", images.unwrap_or_default());
    file.object(resources, object.as_bytes());
    structure(&mut file, &flow.tags, tree, &element_ids, &page_ids, &annotations);
    let parents = file.add(format!("<</Nums[{parents}{annotation_parents}]>>").as_bytes());
    let next = pages.len() + annotations.len();
    let root = element(ROOT);
    let object = format!("<</Type/StructTreeRoot/K {root} 0 R/ParentTree {parents} 0 R/ParentTreeNextKey {next}>>");
    file.object(tree, object.as_bytes());
    let outlines = outlines(&mut file, &flow.bookmarks, &places);
    let metadata = file.raw_stream("/Type/Metadata/Subtype/XML", xmp(about).as_bytes());
    let catalog = format!(
        "<</Type/Catalog/Pages {pages_id} 0 R/Lang(en)/MarkInfo<</Marked true>>/StructTreeRoot {tree} 0 R/Metadata {metadata} 0 R/ViewerPreferences<</DisplayDocTitle true>>{}>>",
        outlines.map(|id| format!("/Outlines {id} 0 R/PageMode/UseOutlines")).unwrap_or_default()
    );
    let catalog = file.add(catalog.as_bytes());
    let date = about.made.strftime("D:%Y%m%d%H%M%SZ").to_string();
    let info = format!(
        "<</Title{}/Subject{}/Creator{}/Producer{}/CreationDate({date})/ModDate({date})>>",
        string(&about.title),
        string(&about.subject),
        string(&format!("cleanbill {}", about.version)),
        string(&format!("cleanbill {}", about.version))
    );
    let info = file.add(info.as_bytes());
    Ok(file.finish(catalog, info))
}

/// Where the places that links lead to stand, by their numbers in order, as destinations.
fn places(flow: &Flow, pages: &[Page], sheet: Sheet, ids: &[Id]) -> Vec<(u32, String)> {
    let mut places = Vec::new();
    for (page, id) in pages.iter().zip(ids) {
        for placed in &page.placed {
            let Placed::Strip(n, top) = placed else { continue };
            for item in flow.ribbon.strips.get(*n).into_iter().flat_map(|s| &s.items) {
                if let What::Anchor(anchor) = item.what {
                    let y = round(sheet.height - sheet.top - top - item.y + 8.0);
                    places.push((anchor, format!("[{id} 0 R/XYZ 0 {y} 0]")));
                }
            }
        }
    }
    places.sort_by_key(|(anchor, _)| *anchor);
    places
}

fn place(places: &[(u32, String)], anchor: u32) -> Option<&str> {
    let at = places.binary_search_by_key(&anchor, |(a, _)| *a).ok()?;
    places.get(at).map(|(_, place)| place.as_str())
}

fn link_object(link: &Link, rect: [f32; 4], key: usize, places: &[(u32, String)]) -> String {
    let [left, low, right, high] = rect.map(round);
    let (goal, words) = match link {
        Link::Inside(anchor) => (
            place(places, *anchor).map(|p| format!("/Dest{p}")).unwrap_or_default(),
            "Go to this part of the report".to_owned(),
        ),
        Link::Outside(address) => {
            let address = plain_address(address);
            (format!("/A<</S/URI/URI{}>>", string(&address)), address)
        }
    };
    format!(
        "<</Type/Annot/Subtype/Link/Rect[{left} {low} {right} {high}]/Border[0 0 0]/F 4/StructParent {key}/Contents{}{goal}>>",
        string(&words)
    )
}

/// An address holds ASCII only.
fn plain_address(address: &str) -> String {
    let mut out = String::new();
    for byte in address.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'\\' | b'<' | b'>' | b'"') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn structure(file: &mut File, tags: &Tags, tree: Id, ids: &[Id], pages: &[Id], annotations: &[Id]) {
    let id = |tag: Tag| (tag as usize).checked_sub(1).and_then(|n| ids.get(n)).copied().unwrap_or(0);
    for (tag, element) in tags.all() {
        let parent = if tag == ROOT { tree } else { id(element.parent) };
        let mut object = format!("<</S/{}/P {parent} 0 R", element.role.name());
        let first_page =
            element.kids.iter().find_map(|k| if let Kid::Content(page, _) = k { Some(*page) } else { None });
        if let Some(page) = first_page.and_then(|p| pages.get(p as usize)) {
            let _ = write!(object, "/Pg {page} 0 R");
        }
        if !element.kids.is_empty() {
            object.push_str("/K[");
            for kid in &element.kids {
                let _ = match kid {
                    Kid::Element(tag) => write!(object, "{} 0 R ", id(*tag)),
                    Kid::Content(page, n) if Some(*page) == first_page => write!(object, "{n} "),
                    Kid::Content(page, n) => {
                        let page = pages.get(*page as usize).copied().unwrap_or(0);
                        write!(object, "<</Type/MCR/Pg {page} 0 R/MCID {n}>> ")
                    }
                    Kid::Annotation(n) => {
                        let annotation = annotations.get(*n as usize).copied().unwrap_or(0);
                        write!(object, "<</Type/OBJR/Obj {annotation} 0 R>> ")
                    }
                };
            }
            object.push(']');
        }
        if let Some(alt) = &element.alt {
            let _ = write!(object, "/Alt{}", string(alt));
        }
        match (element.role, element.place) {
            (Role::TH, _) => object.push_str("/A<</O/Table/Scope/Column>>"),
            (Role::RowHead, _) => object.push_str("/A<</O/Table/Scope/Row>>"),
            (Role::Figure, Some(place)) => {
                let [left, low, right, high] = place.map(round);
                let _ = write!(object, "/A<</O/Layout/BBox[{left} {low} {right} {high}]/Placement/Block>>");
            }
            _ => {}
        }
        object.push_str(">>");
        file.object(id(tag), object.as_bytes());
    }
}

/// The list of bookmarks, nested by level, the lower levels folded.
fn outlines(file: &mut File, bookmarks: &[Bookmark], places: &[(u32, String)]) -> Option<Id> {
    if bookmarks.is_empty() {
        return None;
    }
    let root = file.reserve();
    let ids: Vec<Id> = bookmarks.iter().map(|_| file.reserve()).collect();
    let id = |n: usize| ids.get(n).copied().unwrap_or(root);
    // By bookmark: its parent, its neighbours and its children.
    let mut nodes: Vec<Node> = bookmarks.iter().map(|_| Node::default()).collect();
    let mut top = Node::default();
    let mut path: Vec<usize> = Vec::new();
    for (n, bookmark) in bookmarks.iter().enumerate() {
        while path.last().and_then(|p| bookmarks.get(*p)).is_some_and(|b| b.level >= bookmark.level) {
            path.pop();
        }
        let parent = path.last().copied();
        let siblings = parent.and_then(|p| nodes.get_mut(p)).unwrap_or(&mut top);
        let before = siblings.last.replace(n);
        siblings.first.get_or_insert(n);
        siblings.count += 1;
        if let Some(node) = nodes.get_mut(n) {
            (node.parent, node.before) = (parent, before);
        }
        if let Some(node) = before.and_then(|b| nodes.get_mut(b)) {
            node.next = Some(n);
        }
        path.push(n);
    }
    for ((n, bookmark), node) in bookmarks.iter().enumerate().zip(&nodes) {
        let mut object = format!("<</Title{}/Parent {} 0 R", string(&bookmark.title), node.parent.map_or(root, id));
        for (key, other) in [("Prev", node.before), ("Next", node.next), ("First", node.first), ("Last", node.last)] {
            if let Some(other) = other {
                let _ = write!(object, "/{key} {} 0 R", id(other));
            }
        }
        if node.count > 0 {
            let _ = write!(object, "/Count -{}", node.count);
        }
        if let Some(place) = place(places, bookmark.anchor) {
            let _ = write!(object, "/Dest{place}");
        }
        object.push_str(">>");
        file.object(id(n), object.as_bytes());
    }
    let (first, last) = (id(top.first.unwrap_or(0)), id(top.last.unwrap_or(0)));
    let object = format!("<</Type/Outlines/First {first} 0 R/Last {last} 0 R/Count {}>>", top.count);
    file.object(root, object.as_bytes());
    Some(root)
}

#[derive(Debug, Default)]
struct Node {
    parent: Option<usize>,
    before: Option<usize>,
    next: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    count: usize,
}

/// The used parts of the faces; gives the entries of the list of fonts.
fn fonts(file: &mut File, shaper: &Shaper) -> Result<String, PdfError> {
    let mut list = String::new();
    for (n, (face, used)) in FACES.into_iter().zip(shaper.used()).enumerate() {
        let (codes, Some(shape), Some(name)) = (used.codes(), shaper.face(n), NAMES.get(n)) else { continue };
        if codes.is_empty() {
            continue;
        }
        let mut glyphs = GlyphRemapper::new();
        let map: Vec<u8> = codes.iter().flat_map(|(glyph, ..)| glyphs.remap(*glyph).to_be_bytes()).collect();
        let data =
            subsetter::subset(face.data(), 0, &glyphs).map_err(|e| PdfError::Font(face.name(), e.to_string()))?;
        let full = format!("{}+{}", subset_tag(&data), face.name());
        let program = file.stream(&format!("/Length1 {}", data.len()), &data);
        let map = file.stream("", &map);
        let unicode = file.stream("", to_unicode(codes).as_bytes());
        let units = |x: i16| super::fonts::thousandths(f32::from(x), shape);
        let bounds = shape.global_bounding_box();
        let descriptor = format!(
            "<</Type/FontDescriptor/FontName/{full}/Flags {}/FontBBox[{} {} {} {}]/ItalicAngle 0/Ascent {}/Descent {}/CapHeight {}/StemV 80/FontFile2 {program} 0 R>>",
            if face == Face::Mono { 5 } else { 4 },
            units(bounds.x_min),
            units(bounds.y_min),
            units(bounds.x_max),
            units(bounds.y_max),
            units(shape.ascender()),
            units(shape.descender()),
            units(shape.capital_height().unwrap_or(1400))
        );
        let descriptor = file.add(descriptor.as_bytes());
        let widths: String = codes.iter().map(|(_, width, _)| format!("{width} ")).collect();
        let descendant = format!(
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/{full}/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor {descriptor} 0 R/CIDToGIDMap {map} 0 R/DW 0/W[0[{widths}]]>>"
        );
        let descendant = file.add(descendant.as_bytes());
        let font = format!(
            "<</Type/Font/Subtype/Type0/BaseFont/{full}/Encoding/Identity-H/DescendantFonts[{descendant} 0 R]/ToUnicode {unicode} 0 R>>"
        );
        let font = file.add(font.as_bytes());
        let _ = write!(list, "/{name} {font} 0 R");
    }
    Ok(list)
}

/// Six letters that name a subset.
fn subset_tag(data: &[u8]) -> String {
    blake3::hash(data).as_bytes().iter().take(6).map(|b| char::from(b'A' + b % 26)).collect()
}

/// Which text each code stands for.
fn to_unicode(codes: &[(u16, i32, Box<str>)]) -> String {
    let mut out = String::from(
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo <</Registry(Adobe)/Ordering(UCS)/Supplement 0>> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000><FFFF>\nendcodespacerange\n",
    );
    let said: Vec<(usize, &str)> =
        codes.iter().enumerate().map(|(n, (_, _, text))| (n, text.as_ref())).filter(|(_, t)| !t.is_empty()).collect();
    for part in said.chunks(100) {
        let _ = writeln!(out, "{} beginbfchar", part.len());
        for (code, text) in part {
            let units: String = text.encode_utf16().map(|u| format!("{u:04X}")).collect();
            let _ = writeln!(out, "<{code:04X}><{units}>");
        }
        out.push_str("endbfchar\n");
    }
    out.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
    out
}

fn xmp(about: &About) -> String {
    let date = about.made.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!(
        r#"<?xpacket begin="{}" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"><dc:format>application/pdf</dc:format><dc:title><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:title><dc:language><rdf:Bag><rdf:li>en</rdf:li></rdf:Bag></dc:language><xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate><pdf:Producer>cleanbill {}</pdf:Producer></rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"#,
        '\u{feff}',
        escape(&about.title),
        escape(&about.version)
    )
}
