//! Line plots with logarithmic axes.

use crate::Series;
use crate::models::Cost;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

const COLOURS: [RGBColor; 3] = [
    RGBColor(31, 119, 180),
    RGBColor(255, 127, 14),
    RGBColor(44, 160, 44),
];

/// Draws one figure, a line for each series.
pub fn lines(
    path: &Path,
    title: &str,
    all: &[Series],
    of: fn(&Cost) -> f64,
) -> Result<(), Box<dyn Error>> {
    let values = || all.iter().flat_map(|s| s.costs.iter().map(|(_, c)| of(c)));
    let least = values().fold(f64::INFINITY, f64::min) / 2.0;
    let most = values().fold(0.0, f64::max) * 2.0;
    let area = SVGBackend::new(path, (720, 440)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(72)
        .build_cartesian_2d((4f64..100f64).log_scale(), (least..most).log_scale())?;
    chart.configure_mesh().x_desc("replicas").draw()?;
    for (series, colour) in all.iter().zip(COLOURS) {
        let points = series.costs.iter().map(|(n, c)| (f64::from(*n), of(c)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(series.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    Ok(())
}
