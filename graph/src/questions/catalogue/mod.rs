//! The catalogue of prebuilt questions, by category and name. To add one is to add a row; the tests ask every one.

mod estate;
mod sets;
mod technique;

use super::Question;

/// Every prebuilt question.
pub fn all() -> impl Iterator<Item = &'static Question> {
    estate::ESTATE.iter().chain(technique::TECHNIQUE)
}
