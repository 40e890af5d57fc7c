//! The logo: read from a PNG and written into the file.

use super::{
    PdfError,
    file::{File, Id},
};

/// Larger pictures are refused: a logo of this many pixels is a mistake.
const PIXELS: usize = 4_000_000;

/// A picture with its colours and, where it has one, its transparency.
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Three bytes a pixel.
    colours: Vec<u8>,
    /// One byte a pixel.
    opacity: Option<Vec<u8>>,
}

impl Picture {
    /// Reads a PNG.
    pub(super) fn png(data: &[u8]) -> Result<Self, PdfError> {
        let bad = |e: &dyn std::fmt::Display| PdfError::Logo(e.to_string());
        let mut decoder = png::Decoder::new(std::io::Cursor::new(data));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(|e| bad(&e))?;
        let size = reader.output_buffer_size().filter(|size| *size <= PIXELS * 4);
        let mut pixels = vec![0; size.ok_or_else(|| bad(&"it is too large"))?];
        let info = reader.next_frame(&mut pixels).map_err(|e| bad(&e))?;
        pixels.truncate(info.buffer_size());
        let (mut colours, mut opacity) = (Vec::new(), Vec::new());
        for pixel in pixels.chunks_exact(info.color_type.samples()) {
            match pixel {
                [grey] => colours.extend([grey, grey, grey]),
                [grey, alpha] => {
                    colours.extend([grey, grey, grey]);
                    opacity.push(*alpha);
                }
                [r, g, b] => colours.extend([r, g, b]),
                [r, g, b, alpha] => {
                    colours.extend([r, g, b]);
                    opacity.push(*alpha);
                }
                _ => return Err(bad(&"its colours are unknown")),
            }
        }
        let opacity = (!opacity.is_empty()).then_some(opacity);
        Ok(Picture { width: info.width, height: info.height, colours, opacity })
    }

    pub(super) fn write(&self, file: &mut File) -> Id {
        let size =
            format!("/Type/XObject/Subtype/Image/Width {}/Height {}/BitsPerComponent 8", self.width, self.height);
        let mask = self.opacity.as_ref().map(|o| file.stream(&format!("{size}/ColorSpace/DeviceGray"), o));
        let mask = mask.map(|id| format!("/SMask {id} 0 R")).unwrap_or_default();
        file.stream(&format!("{size}/ColorSpace/DeviceRGB{mask}"), &self.colours)
    }
}
