//! The files of the pages, which are in the program: they load nothing from elsewhere, and work where there is no other network.

use tonic::codegen::http::{Response, StatusCode};
use tonic::service::AxumBody;

use crate::http::answer::{PLAIN, written};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Path, kind and text.
const FILES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("assets/index.html")),
    ("/style.css", CSS, include_str!("assets/style.css")),
    ("/icon.svg", SVG, include_str!("assets/icon.svg")),
    ("/app.js", SCRIPT, include_str!("assets/app.js")),
    ("/server.js", SCRIPT, include_str!("assets/server.js")),
    ("/draw.js", SCRIPT, include_str!("assets/draw.js")),
    ("/words.js", SCRIPT, include_str!("assets/words.js")),
    ("/overview.js", SCRIPT, include_str!("assets/overview.js")),
    ("/queries.js", SCRIPT, include_str!("assets/queries.js")),
    ("/query.js", SCRIPT, include_str!("assets/query.js")),
    ("/memory.js", SCRIPT, include_str!("assets/memory.js")),
    ("/storage.js", SCRIPT, include_str!("assets/storage.js")),
    ("/sessions.js", SCRIPT, include_str!("assets/sessions.js")),
];

pub(super) fn answer(path: &str) -> Response<AxumBody> {
    match FILES.iter().find(|(name, _, _)| *name == path) {
        Some((_, kind, text)) => written(StatusCode::OK, kind, *text),
        None => {
            let text = "here are / (the dashboard), /livez, /readyz and /metrics\n";
            written(StatusCode::NOT_FOUND, PLAIN, text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_load_nothing_from_elsewhere_and_make_no_markup_of_text() {
        for (path, kind, text) in FILES {
            let elsewhere = ["http://", "https://", "//cdn"].iter().filter(|word| text.contains(**word)).count();
            // The one name that is no address.
            let names = text.matches("http://www.w3.org/2000/svg").count().min(1);
            assert_eq!(elsewhere, names, "{path} names another place");
            if *kind == SCRIPT {
                for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
                {
                    assert!(!text.contains(word), "{path} has {word}");
                }
            }
            if *kind == HTML {
                for word in ["<script>", "style=", "onclick", "onload"] {
                    assert!(!text.contains(word), "{path} has {word}");
                }
            }
        }
    }
}
