//! Content types: what a client sends, and what it wants back.

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `application/json`: 200 for every well-formed request, as clients from before the specification expect.
    Json,
    /// `application/graphql-response+json`: the status tells whether the request was good.
    GraphqlResponse,
    /// `text/event-stream`: the graphql-sse protocol in distinct connections mode.
    EventStream,
}

impl Media {
    pub fn content_type(self) -> &'static str {
        match self {
            Media::Json => "application/json; charset=utf-8",
            Media::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Media::EventStream => "text/event-stream; charset=utf-8",
        }
    }
}

const OFFERED: [(&str, &str, Media); 3] = [
    ("application", "json", Media::Json),
    ("application", "graphql-response+json", Media::GraphqlResponse),
    ("text", "event-stream", Media::EventStream),
];

/// The best of what `accept` names (RFC 9110 section 12.5.1). No header, or one that takes anything: JSON. None:
/// nothing we have is wanted.
pub fn negotiate(accept: Option<&str>) -> Option<Media> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else { return Some(Media::Json) };
    let mut best: Option<(f32, Media)> = None;
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let mut quality = 1.0;
        let mut charset_ok = true;
        for parameter in parts {
            match parameter.split_once('=').map(|(name, value)| (name.trim(), value.trim().trim_matches('"'))) {
                Some(("q", value)) => quality = value.parse().unwrap_or(0.0),
                Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
                    charset_ok = value.eq_ignore_ascii_case("utf-8");
                }
                _ => {}
            }
        }
        if quality <= 0.0 || !charset_ok {
            continue;
        }
        let Some((main, sub)) = name.split_once('/') else { continue };
        let offered = OFFERED.iter().find(|(our_main, our_sub, media)| {
            (main == *our_main && sub == *our_sub)
                // An event stream is only for those who ask for it by name.
                || (*media != Media::EventStream && (main == "*" || main == *our_main) && sub == "*")
        });
        if let Some((_, _, media)) = offered
            && best.is_none_or(|(known, _)| quality > known)
        {
            best = Some((quality, *media));
        }
    }
    best.map(|(_, media)| media)
}

/// Whether a POST's content type is JSON in UTF-8. Nothing else is taken: a browser sends forms and plain text to
/// other sites without asking first, JSON it does not.
pub fn is_json(content_type: Option<&str>) -> bool {
    let Some(content_type) = content_type else { return false };
    let mut parts = content_type.split(';').map(str::trim);
    let json = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_the_best_of_what_the_client_takes() {
        let cases = [
            (None, Some(Media::Json)),
            (Some("*/*"), Some(Media::Json)),
            (Some("application/*"), Some(Media::Json)),
            (Some("application/json"), Some(Media::Json)),
            (Some("application/graphql-response+json"), Some(Media::GraphqlResponse)),
            (Some("application/graphql-response+json; charset=utf-8, application/json"), Some(Media::GraphqlResponse)),
            (Some("application/json;q=0.5, application/graphql-response+json;q=0.9"), Some(Media::GraphqlResponse)),
            (Some("application/graphql-response+json;q=0.1, application/json"), Some(Media::Json)),
            (Some("text/event-stream"), Some(Media::EventStream)),
            (Some("text/*"), None),
            (Some("text/html"), None),
            (Some("application/json;q=0"), None),
            (Some("application/json; charset=iso-8859-1"), None),
        ];
        for (accept, media) in cases {
            assert_eq!(negotiate(accept), media, "{accept:?}");
        }
    }

    #[test]
    fn only_json_in_utf_8_is_taken() {
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(is_json(Some(good)), "{good}");
        }
        let bad = ["text/plain", "application/graphql", "multipart/form-data", "application/json; charset=utf-16", ""];
        for bad in bad {
            assert!(!is_json(Some(bad)), "{bad}");
        }
        assert!(!is_json(None));
    }
}
