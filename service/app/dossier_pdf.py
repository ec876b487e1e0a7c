"""A dossier as PDF."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from service.app.dossier import Dossier, DossierItem
from service.app.elimination import EarlierDecision
from service.rendering.environment import EARLIER_WORDS, STATE_WORDS, VERDICT_WORDS, attribution_text, percent
from service.rendering.facts import object_facts, product_facts, several
from service.rendering.language import Words
from service.rendering.pdf_sheet import MARGIN, PdfSheet
from service.rendering.provenance_view import provenance_view

# How many characters of a product's description are shown.
_DESCRIPTION = 400
_PICTURE = 34.0


class _Sheet(PdfSheet):
    """A4 pages with a footer: the dossier's object and the page number."""

    def __init__(self, foot: str) -> None:
        super().__init__()
        self._foot = foot
        self.add_page()

    def footer(self) -> None:
        self.set_y(-MARGIN)
        self.write_in(8, self._foot + f"   {self.page_no()}/{{nb}}", quiet=True)

    def heading(self, text: str) -> None:
        self.ln(4)
        self.write_in(13, text, bold=True)
        self.ln(1.5)


def as_pdf(dossier: Dossier, t: Words) -> bytes:
    """A dossier as the bytes of a PDF file."""
    fields = dossier.entry.fields
    sheet = _Sheet(f"traceobject · {fields.entry_id} · {dossier.made}")
    sheet.set_title(f"{t('dossier.title')}: {fields.entry_id}")
    sheet.write_in(9, f"{t('dossier.title')} · {fields.authority}", quiet=True)
    sheet.write_in(18, fields.title or fields.entry_id, bold=True)
    sheet.ln(1)
    for label, value in (
        *((fact.label, fact.text) for fact in object_facts(fields, t)),
        (t("field.question"), fields.question),
        (t("field.description"), fields.description),
        (t("dossier.made"), dossier.made),
    ):
        if value:
            sheet.write_in(10, f"{label}: {value}")
    sheet.heading(t("dossier.crops"))
    _pictures(sheet, dossier)
    if dossier.answer is not None:
        answer = dossier.answer
        sheet.heading(t("dossier.candidates"))
        sheet.write_in(10, t(VERDICT_WORDS[answer.verdict][0]), bold=True)
        sheet.write_in(
            9, t("work.stamp", generation=answer.generation, model=answer.model) + f" {answer.query_id}", quiet=True
        )
        for label, found in ((t("work.brands"), answer.brands), (t("work.retailers"), answer.retailers)):
            if found:
                sheet.write_in(10, f"{label}: {attribution_text(found)}")
        _provenance(sheet, dossier, t)
        sheet.ln(2)
        for item in dossier.items:
            _candidate(sheet, item, dossier.earlier.get(item.candidate.rank, ()), t)
    if dossier.leads:
        sheet.heading(t("leads.title"))
        for lead in dossier.leads:
            name = t("lead.finding") if lead.finding else lead.title
            sheet.write_in(10, f"{name}: {t(STATE_WORDS[lead.state])}", bold=True)
            if not lead.finding:
                sheet.write_in(
                    9, f"{lead.source}  {lead.product_id}  {lead.product_fields.get('link', '')}", quiet=True
                )
            for change in lead.changes:
                line = f"{change.at[:16].replace('T', ' ')} UTC  {change.who}: {t(STATE_WORDS[change.state])}"
                sheet.write_in(9, ". ".join(filter(None, (line, _evidence(change.evidence, t), change.note))), left=4)
            sheet.ln(1)
    if dossier.alerts:
        sheet.heading(t("work.alerts"))
        for alert in dossier.alerts:
            sheet.write_in(10, f"{alert.found[:16]}  {alert.title or alert.product_id}  {percent(alert.likelihood)}")
    return bytes(sheet.output())


def _provenance(sheet: _Sheet, dossier: Dossier, t: Words) -> None:
    """Where and when it may have been sold, as text."""
    view = provenance_view(dossier.provenance, dossier.clues.all, t, dossier.clues.too_late)
    if not view.any:
        return
    sheet.heading(t("origin.title"))
    told = f"{t('origin.told', country=view.told)} {percent(view.told_probability)}"
    sheet.write_in(10, told if view.told else t("origin.unknown"), bold=True)
    listed = [f"{row.name} {percent(row.probability)}" for row in view.sold]
    listed.append(f"{t('origin.not_known')} {percent(view.unknown)}")
    late = [f"{label} ({year})" for label, year in view.too_late]
    made = [f"{row.name} {percent(row.probability)}" for row in view.made]
    for line in (
        f"{t('origin.sold')}: {', '.join(listed)}",
        f"{t('origin.made')}: {', '.join(made)}" if made else "",
        *(f"{bar.label}: {bar.first}–{bar.last}" for bar in view.bars),
        f"{t.count('origin.too_late', len(late))}. {', '.join(late)}" if late else "",
    ):
        if line:
            sheet.write_in(9, line)


def _evidence(evidence: Mapping[str, Any], t: Words) -> str:
    """Where and when a family was sold; "" for a change without evidence."""
    if not evidence:
        return ""
    return t(
        "lead.evidence",
        retailers=", ".join(evidence["retailers"]) or "?",
        countries=", ".join(evidence["countries"]) or t("work.no_country"),
        first=evidence["first_seen"] or "?",
        last=evidence["last_seen"] or t("work.still_sold"),
    )


def _pictures(sheet: _Sheet, dossier: Dossier) -> None:
    for image, jpeg in dossier.crops:
        with Image.open(io.BytesIO(jpeg)) as opened:
            width, height = opened.size
        printed_height = min(70.0, 110.0 * height / width)
        if sheet.get_y() + printed_height > sheet.page_break_trigger:
            sheet.add_page()
        sheet.image(io.BytesIO(jpeg), x=MARGIN, y=sheet.get_y(), h=printed_height)
        sheet.set_y(sheet.get_y() + printed_height + 1)
        sheet.write_in(7, f"SHA-256 {image}", quiet=True)
        sheet.ln(2)


def _candidate(sheet: _Sheet, item: DossierItem, earlier: Sequence[EarlierDecision], t: Words) -> None:
    candidate, fields = item.candidate, item.candidate.entry.fields
    height = _PICTURE + (62.0 if item.comparison else 0.0)
    if sheet.get_y() + height > sheet.page_break_trigger:
        sheet.add_page()
    top = sheet.get_y()
    if item.picture:
        sheet.image(io.BytesIO(item.picture), x=MARGIN, y=top, w=_PICTURE, h=_PICTURE - 3, keep_aspect_ratio=True)
    left = _PICTURE + 4
    sheet.write_in(11, f"{candidate.rank}. {fields.title or fields.entry_id}", bold=True, left=left)
    sheet.write_in(10, f"{percent(candidate.likelihood)} {t('work.likely')}", left=left)
    shop = (several(fields.brand), fields.retailer or candidate.entry.source, several(fields.country))
    sheet.write_in(9, " · ".join(part for part in shop if part), left=left)
    if fields.first_seen or fields.last_seen:
        sheet.write_in(9, f"{fields.first_seen or '?'} – {fields.last_seen or t('work.still_sold')}", left=left)
    for fact in product_facts(fields, t):
        sheet.write_in(9, f"{fact.label}: {fact.text}", left=left)
    if fields.description:
        sheet.write_in(9, textwrap.shorten(fields.description, _DESCRIPTION, placeholder="…"), left=left)
    for one in earlier:
        text = t(EARLIER_WORDS[one.state], object=one.object_id, who=one.who, day=one.at[:10])
        sheet.write_in(9, text, bold=True, left=left)
    places = "  ".join(filter(None, dict.fromkeys((fields.entry_id, fields.link, fields.source_page))))
    sheet.write_in(9, places, quiet=True, left=left)
    sheet.set_y(max(sheet.get_y(), top + _PICTURE))
    if item.comparison:
        sheet.image(io.BytesIO(item.comparison), x=MARGIN, y=sheet.get_y(), h=58)
        sheet.set_y(sheet.get_y() + 62)
