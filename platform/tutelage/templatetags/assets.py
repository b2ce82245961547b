"""Addresses of what is made of the sources when static files are collected."""

from django import template
from django.contrib.staticfiles.storage import staticfiles_storage
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language

from tutelage.assets import CollectedFiles, words_name

register = template.Library()


@register.simple_tag
def script_words() -> str:
    """The scripts' words in the page's language: a file that browsers keep, or, not collected, a view."""
    if isinstance(staticfiles_storage, CollectedFiles) and staticfiles_storage.is_collected:
        return static(words_name(get_language() or "en"))
    return reverse("jsi18n")
