//! A drawing as a PNG for mail, whose readers do not show SVG. Text is drawn with the typeface that is compiled in,
//! never with one of the machine, so that the picture is the same everywhere.

use std::sync::{Arc, LazyLock};

use resvg::{
    tiny_skia::{Color, Pixmap, Transform},
    usvg::{self, Tree, fontdb},
};

use super::{Drawing, Ink, svg};

/// The widest or highest picture, in pixels.
const MOST: f64 = 8000.0;

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../../../assets/fonts/Inter-Regular.ttf").to_vec());
    // The heavier one names itself as a family of its own; here it is the bold type of the first.
    let bold = fontdb::Source::Binary(Arc::new(include_bytes!("../../../assets/fonts/Inter-SemiBold.ttf")));
    for id in fonts.load_font_source(bold) {
        let Some(mut face) = fonts.face(id).cloned() else { continue };
        fonts.remove_face(id);
        face.families = vec![("Inter".to_owned(), fontdb::Language::English_UnitedStates)];
        fonts.push_face_info(face);
    }
    fonts.set_sans_serif_family("Inter");
    Arc::new(fonts)
});

/// The typefaces that are compiled in, for whatever is drawn as a picture.
pub(in crate::report) fn fonts() -> Arc<fontdb::Database> {
    Arc::clone(&FONTS)
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[error("the chart \"{chart}\" cannot be drawn as a picture: {why}")]
pub struct PngError {
    chart: String,
    why: String,
}

/// The picture on white paper, with `scale` pixels for each unit of the drawing: 2 for sharp screens.
///
/// # Errors
/// When the drawing has no size, or one beyond 8,000 pixels.
pub fn png(drawing: &Drawing, scale: f64) -> Result<Vec<u8>, PngError> {
    let [_, r, g, b] = Ink::Paper.rgb().to_be_bytes();
    drawn(drawing, scale, Some(Color::from_rgba8(r, g, b, 255)), None)
}

/// The same with nothing behind it, in colours that stand out from white as well as from nearly black: for a page whose
/// ground is not known, such as a mail that its reader's program may darken. Text would be too faint there.
///
/// # Errors
/// As [`png`].
pub fn png_clear(drawing: &Drawing, scale: f64) -> Result<Vec<u8>, PngError> {
    drawn(drawing, scale, None, Some(anywhere()))
}

/// Colours that have a contrast of 3 to white and to the darkest card of a mail.
const ANYWHERE: [(Ink, u32); 3] = [(Ink::Accent, 0x3f86d8), (Ink::High, 0xd9552f), (Ink::Good, 0x35945a)];

/// The style of a drawing that may stand on any ground. Lines and grounds only need to be seen beside the rest.
fn anywhere() -> String {
    let colours = ANYWHERE.map(|(ink, rgb)| format!(".{}{{color:#{rgb:06x}}}", ink.class())).concat();
    let faint = format!(".{}{{color:#808890;stroke-opacity:.4}}", Ink::Grid.class());
    format!("{colours}{faint}.{}{{color:#3f86d8;fill-opacity:.16}}", Ink::Wash.class())
}

fn drawn(drawing: &Drawing, scale: f64, paper: Option<Color>, style: Option<String>) -> Result<Vec<u8>, PngError> {
    let error = |why: String| PngError { chart: drawing.name.clone(), why };
    let side = |length: f64| {
        let pixels = (length * scale).ceil();
        (1.0..=MOST).contains(&pixels).then_some(pixels as u32).ok_or_else(|| error(format!("{pixels} pixels")))
    };
    let (width, height) = (side(drawing.width)?, side(drawing.height)?);
    let options =
        usvg::Options { fontdb: fonts(), font_family: "Inter".to_owned(), style_sheet: style, ..Default::default() };
    let tree = Tree::from_str(&svg(drawing), &options).map_err(|e| error(e.to_string()))?;
    let mut picture = Pixmap::new(width, height).ok_or_else(|| error("no memory".to_owned()))?;
    if let Some(paper) = paper {
        picture.fill(paper);
    }
    resvg::render(&tree, Transform::from_scale(scale as f32, scale as f32), &mut picture.as_mut());
    picture.encode_png().map_err(|e| error(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::charts::{
            Shape, gauge, small_risk,
            tests::{contrast, looks, text_area},
        },
        score::Grade,
    };

    #[test]
    fn the_picture_has_the_size_asked_for_and_every_text_is_in_it() {
        let dial = gauge(38.0, Grade::C);
        for scale in [1.0, 2.0] {
            let with = Pixmap::decode_png(&png(&dial, scale).unwrap()).unwrap();
            assert_eq!((with.width(), with.height()), ((240.0 * scale) as u32, (212.0 * scale) as u32));
            let mut mute = dial.clone();
            mute.shapes.retain(|s| !matches!(s, Shape::Text { .. }));
            let without = Pixmap::decode_png(&png(&mute, scale).unwrap()).unwrap();
            for area in dial.shapes.iter().filter_map(text_area) {
                let across = (area.left * scale) as u32..(area.right * scale) as u32;
                let mut down = (area.top * scale) as u32..(area.bottom * scale) as u32;
                let drawn = down.any(|y| across.clone().any(|x| with.pixel(x, y) != without.pixel(x, y)));
                assert!(drawn, "nothing in {area:?}");
            }
        }
    }

    #[test]
    fn the_picture_is_not_blank_and_its_paper_is_white() {
        let picture = Pixmap::decode_png(&png(&gauge(38.0, Grade::C), 1.0).unwrap()).unwrap();
        assert_eq!(picture.pixel(0, 0).map(|p| (p.red(), p.alpha())), Some((255, 255)));
        assert!(picture.pixels().iter().any(|p| p.red() < 60), "something dark is drawn");
    }

    #[test]
    fn a_picture_for_any_ground_has_none_and_stands_out_from_bright_and_dark() {
        for (ink, rgb) in ANYWHERE {
            for ground in [0xffffff, 0x1b1f23] {
                assert!(contrast(rgb, ground) >= 3.0, "{ink:?} on {ground:06x}: {}", contrast(rgb, ground));
            }
        }
        let chart = small_risk(&looks(&[51.0, 60.0, 38.0]), "r", (200.0, 56.0)).unwrap();
        let picture = Pixmap::decode_png(&png_clear(&chart, 2.0).unwrap()).unwrap();
        assert_eq!(picture.pixel(0, 0).map(|p| p.alpha()), Some(0));
        let line = picture.pixels().iter().filter(|p| p.alpha() == 255).map(|p| (p.red(), p.green(), p.blue()));
        assert!(line.clone().count() > 100 && line.clone().any(|p| p == (0x3f, 0x86, 0xd8)));
        let wash = picture.pixels().iter().filter(|p| (20..60).contains(&p.alpha())).count();
        assert!(wash > 1000, "the ground below the line lets the page through: {wash}");
    }

    #[test]
    fn a_size_that_cannot_be_is_an_error() {
        let dial = gauge(38.0, Grade::C);
        assert!(png(&dial, 1000.0).is_err() && png(&dial, 0.0).is_err() && png(&dial, f64::NAN).is_err());
    }
}
