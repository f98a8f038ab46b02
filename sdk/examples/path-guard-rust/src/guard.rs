//! What the plugin does, in safe Rust, without a word about the gateway.

/// Paths that are not for everybody.
pub struct Guard {
    patterns: Vec<Vec<u8>>,
}

impl Guard {
    pub fn new(patterns: Vec<Vec<u8>>) -> Guard {
        Guard { patterns }
    }
    pub fn forbids(&self, path: &[u8]) -> bool {
        self.patterns.iter().any(|p| matches(p, path))
    }
}

/// `*` is any run of characters, also none and also `/`; everything else is itself. Linear: after a `*`, going back to the
/// last one is enough.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_run_of_characters() {
        for (pattern, text) in [("/a", "/a"), ("/a/*", "/a/"), ("/a/*", "/a/b/c"), ("*", ""), ("/*/x", "/a/b/x"), ("*a*b*", "xxaxxbxx"), ("**", "q")] {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{} {}", pattern, text);
        }
        for (pattern, text) in [("/a", "/ab"), ("/a/*", "/a"), ("", "x"), ("/*/x", "/a/b"), ("*a*b*", "b a")] {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{} {}", pattern, text);
        }
    }

    #[test]
    fn one_pattern_is_enough() {
        let guard = Guard::new(vec![b"/internal/*".to_vec(), b"*.bak".to_vec()]);
        assert!(guard.forbids(b"/internal/users"));
        assert!(guard.forbids(b"/index.bak"));
        assert!(!guard.forbids(b"/index.html"));
    }
}
