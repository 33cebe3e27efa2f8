//! The plot beside the tables: two panels of bars, drawn by hand. It brings its own background, so that it can be read in
//! light and dark, whatever is around it.

use std::fmt::Write;

use crate::contender::Contender;
use crate::figures::Figures;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 240.0;
const RIGHT: f64 = 80.0;
const TITLE: f64 = 44.0;
const BAR: f64 = 18.0;
const STEP: f64 = 28.0;

/// Requests in flight in the load that is drawn.
const CONCURRENCY: u32 = 64;

const STYLE: &str = "\
.back{fill:#fff}text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}\
.ours{fill:#0969da}.other{fill:#8c959f}.redis{fill:#cf222e}\
@media(prefers-color-scheme:dark){.back{fill:#0d1117}text{fill:#e6edf3}.ours{fill:#4493f8}.other{fill:#656c76}.redis{fill:#f85149}}";

/// One bar, of parts that add up.
#[derive(Debug, PartialEq)]
struct Bar {
    contender: Contender,
    parts: Vec<(&'static str, f64)>,
}

/// The plot as SVG.
pub(crate) fn of(figures: &Figures) -> String {
    let rates = bars(figures, |contender| {
        let rate = figures.spread(contender, CONCURRENCY, |run| Some(run.per_second))?;
        Some(vec![(class(contender), rate.median)])
    });
    let costs = bars(figures, |contender| {
        let sender = figures.spread(contender, CONCURRENCY, |run| Some(run.cpu_us))?;
        let redis = figures.spread(contender, CONCURRENCY, |run| run.redis_us);
        Some(vec![(class(contender), sender.median), ("redis", redis.map_or(0.0, |redis| redis.median))])
    });
    draw(&[
        ("Deliveries a second, 64 in flight (more is better)", rates),
        ("CPU per delivery, µs: the sender, and Redis in red (less is better)", costs),
    ])
}

fn bars(figures: &Figures, parts: impl Fn(Contender) -> Option<Vec<(&'static str, f64)>>) -> Vec<Bar> {
    let loads = figures.loads().into_iter().filter(|(_, concurrency)| *concurrency == CONCURRENCY);
    loads.filter_map(|(contender, _)| Some(Bar { contender, parts: parts(contender)? })).collect()
}

fn class(contender: Contender) -> &'static str {
    match contender {
        Contender::Postrider | Contender::PostriderWithoutRecords => "ours",
        _ => "other",
    }
}

fn draw(panels: &[(&str, Vec<Bar>)]) -> String {
    let heights = panels.iter().map(|(_, bars)| TITLE + bars.len() as f64 * STEP);
    let height = heights.sum::<f64>() + 16.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>Deliveries a second and CPU per delivery</title>\n<style>{STYLE}</style>\n\
         <rect class=\"back\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\n"
    );
    let mut top = 0.0;
    for (title, bars) in panels {
        panel(&mut svg, top, title, bars);
        top += TITLE + bars.len() as f64 * STEP;
    }
    svg.push_str("</svg>\n");
    svg
}

/// Writing to a string can't fail.
fn panel(svg: &mut String, top: f64, title: &str, bars: &[Bar]) {
    let _ = writeln!(svg, "<text class=\"title\" x=\"16\" y=\"{}\">{title}</text>", top + 28.0);
    let longest = bars.iter().map(Bar::sum).fold(1.0, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / longest;
    for (place, bar) in bars.iter().enumerate() {
        let y = top + TITLE + place as f64 * STEP;
        let name = bar.contender.name();
        let _ =
            writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>", LEFT - 10.0, y + 14.0);
        let mut x = LEFT;
        for (class, value) in &bar.parts {
            let width = value * scale;
            let _ = writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\"/>"
            );
            x += width;
        }
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{}\">{}</text>", x + 8.0, y + 14.0, told(bar.sum()));
    }
}

impl Bar {
    fn sum(&self) -> f64 {
        self.parts.iter().map(|(_, value)| value).sum()
    }
}

/// With three digits at least.
fn told(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_panel_and_parts_follow_each_other() {
        let bar = |contender, parts| Bar { contender, parts };
        let bars = vec![
            bar(Contender::Postrider, vec![("ours", 10.0), ("redis", 10.0)]),
            bar(Contender::Apalis, vec![("other", 40.0)]),
        ];
        let svg = draw(&[("title", bars)]);
        assert!(svg.contains("class=\"other\" x=\"240.0\" y=\"72\" width=\"440.0\""), "{svg}");
        assert!(svg.contains("class=\"redis\" x=\"350.0\" y=\"44\" width=\"110.0\""), "{svg}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<rect").count(), 4);
    }

    #[test]
    fn small_values_keep_a_decimal() {
        assert_eq!((told(21.14), told(43_210.4)), ("21.1".to_owned(), "43210".to_owned()));
    }
}
