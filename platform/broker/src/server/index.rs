//! Which subscriptions a subject reaches: a hash map for filters without wildcards, a tree of words for the others.
//!
//! Promise: finding costs what the subject's words and the answer cost, not what there is besides.
//! An empty branch is cut off, so that inboxes that come and go leave nothing behind.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::subject::{Filter, Subject};

/// Things found by the filter they were put under. Each is known by its address.
#[derive(Debug)]
pub(super) struct Index<T> {
    exact: HashMap<Bytes, Vec<Arc<T>>>,
    wildcards: Node<T>,
}

/// The tree below the words so far.
#[derive(Debug)]
struct Node<T> {
    words: HashMap<Bytes, Node<T>>,
    /// Below `*`.
    any_word: Option<Box<Node<T>>>,
    /// Filters that end here.
    here: Vec<Arc<T>>,
    /// Filters that end here with `>`.
    tail: Vec<Arc<T>>,
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), wildcards: Node::default() }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { words: HashMap::new(), any_word: None, here: vec![], tail: vec![] }
    }
}

impl<T> Index<T> {
    /// Puts a thing under a filter.
    pub fn insert(&mut self, filter: &Filter, thing: Arc<T>) {
        if filter.has_wildcard() {
            self.wildcards.list_mut(words(filter.as_bytes())).push(thing);
        } else {
            let key = Bytes::copy_from_slice(filter.as_bytes());
            self.exact.entry(key).or_default().push(thing);
        }
    }

    /// Takes a thing away again; `false` if it was not there.
    pub fn remove(&mut self, filter: &Filter, thing: &Arc<T>) -> bool {
        if filter.has_wildcard() {
            return self.wildcards.remove(words(filter.as_bytes()), thing);
        }
        let Some(things) = self.exact.get_mut(filter.as_bytes()) else { return false };
        let is_removed = remove_from(things, thing);
        if things.is_empty() {
            self.exact.remove(filter.as_bytes());
        }
        is_removed
    }

    /// Shows each thing whose filter matches, until one of them is answered with `false`.
    pub fn visit(&self, subject: &Subject, mut visitor: impl FnMut(&Arc<T>) -> bool) {
        let exact = self.exact.get(subject.as_bytes());
        let goes_on = exact.is_none_or(|things| things.iter().all(&mut visitor));
        if goes_on && !self.wildcards.is_empty() {
            self.wildcards.visit(words(subject.as_bytes()), &mut visitor);
        }
    }
}

impl<T> Node<T> {
    fn is_empty(&self) -> bool {
        self.words.is_empty()
            && self.any_word.is_none()
            && self.here.is_empty()
            && self.tail.is_empty()
    }

    /// The list for a filter, with the branches that lead to it.
    fn list_mut<'a>(&mut self, words: impl Iterator<Item = &'a [u8]>) -> &mut Vec<Arc<T>> {
        let mut node = self;
        for word in words {
            match word {
                b">" => return &mut node.tail,
                b"*" => node = node.any_word.get_or_insert_default(),
                word => node = node.words.entry(Bytes::copy_from_slice(word)).or_default(),
            }
        }
        &mut node.here
    }

    fn remove<'a>(&mut self, mut words: impl Iterator<Item = &'a [u8]>, thing: &Arc<T>) -> bool {
        match words.next() {
            None => remove_from(&mut self.here, thing),
            Some(b">") => remove_from(&mut self.tail, thing),
            Some(b"*") => {
                let Some(below) = &mut self.any_word else { return false };
                let is_removed = below.remove(words, thing);
                self.any_word.take_if(|below| below.is_empty());
                is_removed
            }
            Some(word) => {
                let Some(below) = self.words.get_mut(word) else { return false };
                let is_removed = below.remove(words, thing);
                if below.is_empty() {
                    self.words.remove(word);
                }
                is_removed
            }
        }
    }

    /// Each branch is reached over one path only, so this never takes longer than the tree is large.
    fn visit<'a>(
        &self,
        mut words: impl Iterator<Item = &'a [u8]> + Clone,
        visitor: &mut impl FnMut(&Arc<T>) -> bool,
    ) -> bool {
        let Some(word) = words.next() else { return self.here.iter().all(visitor) };
        if !self.tail.iter().all(&mut *visitor) {
            return false;
        }
        if let Some(below) = &self.any_word
            && !below.visit(words.clone(), visitor)
        {
            return false;
        }
        self.words.get(word).is_none_or(|below| below.visit(words, visitor))
    }
}

fn remove_from<T>(things: &mut Vec<Arc<T>>, thing: &Arc<T>) -> bool {
    let Some(place) = things.iter().position(|other| Arc::ptr_eq(other, thing)) else {
        return false;
    };
    things.swap_remove(place);
    // Ten thousand that have gone should not keep their room.
    if things.capacity() > 4 * things.len() {
        things.shrink_to_fit();
    }
    true
}

fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    bytes.split(|byte| *byte == b'.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(index: &Index<Filter>, subject: &Subject) -> Vec<String> {
        let mut found = vec![];
        index.visit(subject, |filter| {
            found.push(filter.to_string());
            true
        });
        found.sort();
        found
    }

    proptest! {
        #[test]
        fn the_index_finds_what_matches_and_forgets_what_is_removed(
            filters in prop::collection::vec("(a|b|\\*)(\\.(a|b|\\*)){0,3}(\\.>)?", 0..20),
            subjects in prop::collection::vec("(a|b)(\\.(a|b)){0,4}", 1..20),
            kept in 0..20usize,
        ) {
            let filters: Vec<_> = filters.into_iter().filter_map(Filter::parse).map(Arc::new).collect();
            let mut index = Index::default();
            for filter in &filters {
                index.insert(filter, filter.clone());
            }
            let kept = kept.min(filters.len());
            for filter in &filters[kept..] {
                prop_assert!(index.remove(filter, filter));
                prop_assert!(!index.remove(filter, filter));
            }
            for subject in subjects.into_iter().filter_map(Subject::parse) {
                let mut expected: Vec<_> = filters[..kept].iter()
                    .filter(|filter| filter.matches(&subject)).map(ToString::to_string).collect();
                expected.sort();
                prop_assert_eq!(found(&index, &subject), expected);
            }
            for filter in &filters[..kept] {
                index.remove(filter, filter);
            }
            prop_assert!(index.exact.is_empty() && index.wildcards.is_empty());
        }
    }
}
