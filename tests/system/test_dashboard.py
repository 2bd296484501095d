"""The dashboard in a real Chromium: opened, read, filtered, acknowledged, cut off and back."""

import os
import re
from pathlib import Path

import floor_scene
from dashboard_parts import Floor, eventually, opened, tile
from factory_readings import TOPIC, arrival, now_ms, state
from PIL import Image

from floorsense.web.browser import Browser

DOCS = Path(__file__).parents[2] / "docs"
MACHINE = "factory/floor-2/machine-42"
OTHER = "factory/floor-3/machine-7"


def test_what_is_stored_is_on_the_page_and_its_own_latency_beside_it(browser: Browser, floor: Floor) -> None:
    floor.put(20.5)
    page = opened(browser, floor)
    page.wait_for_selector(".tile")
    assert "temperature 20.50 °C" in tile(page, "machine-42") and "OK" in tile(page, "machine-42")
    floor.put(21.25)
    floor.put(2.9, f"{MACHINE}/vibration")
    assert eventually(lambda: "temperature 21.25 °C" in tile(page, "machine-42"))
    assert eventually(lambda: "vibration zone C 2.90 mm/s" in tile(page, "machine-42"))
    assert eventually(lambda: re.match(r"measured to shown: -?\d+ ms", page.locator("#latency").inner_text()))


def test_the_page_asks_nobody_else(browser: Browser, floor: Floor) -> None:
    floor.put(20.5)
    page = browser.open("about:blank")
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.goto(floor.url)
    page.locator(".tile").click()
    page.wait_for_selector(".chart .main-svg")
    assert len(asked) > 5 and all(url.startswith((floor.url, "data:", "blob:")) for url in asked), asked
    assert wrong == []


def test_an_alarm_is_seen_without_its_colour_and_acknowledged_by_keyboard(browser: Browser, floor: Floor) -> None:
    floor.put(20.0)
    page = opened(browser, floor)
    floor.put(85.1)
    assert eventually(lambda: f"{TOPIC}: 85.1 C, above 85" in page.locator("#alarms").inner_text())
    assert "critical" in page.locator("#alarms").inner_text()
    assert eventually(lambda: "CRITICAL" in tile(page, "machine-42"))
    button = page.get_by_role("button", name="Acknowledge")
    button.focus()
    page.keyboard.press("Enter")
    assert eventually(lambda: "acknowledged by local" in page.locator("#alarms").inner_text())
    floor.put(20.0)
    assert eventually(lambda: page.locator("#no-alarms").is_visible())
    assert eventually(lambda: "CRITICAL" not in tile(page, "machine-42"))


def test_a_filter_narrows_what_comes(browser: Browser, floor: Floor) -> None:
    floor.put(20.0)
    floor.put(21.0, f"{OTHER}/temperature")
    page = opened(browser, floor)
    assert eventually(lambda: page.locator(".tile").count() == 2)
    page.fill("#filter", "+/floor-3/#")
    page.keyboard.press("Enter")
    assert eventually(lambda: page.locator(".tile").count() == 1)
    floor.put(99.0)
    floor.put(22.0, f"{OTHER}/temperature")
    assert eventually(lambda: "22.00 °C" in tile(page, "machine-7"))
    assert page.locator(".tile").count() == 1
    page.fill("#filter", "a#")
    page.keyboard.press("Enter")
    assert eventually(lambda: "stands alone" in page.locator("#message").inner_text())


def test_a_page_that_was_cut_off_comes_back_by_itself_and_its_chart_has_no_gap(browser: Browser, floor: Floor) -> None:
    for n in range(3):
        floor.put(20.0 + n, ts_ms=now_ms() - 3000 + n)
    page = opened(browser, floor)
    page.locator(".tile").click()
    page.wait_for_selector('.chart[data-points="3"]')
    floor.cut()
    assert eventually(lambda: page.locator("#link").get_attribute("data-link") == "away")
    assert "no connection" in page.locator("#link").inner_text()
    floor.put(30.0)
    floor.put(31.0)
    floor.mend()
    assert eventually(lambda: page.locator("#link").get_attribute("data-link") in ("live", "events"), 30)
    floor.put(32.0)
    assert eventually(lambda: page.locator('.chart[data-points="6"]').count() == 1)
    assert "32.00 °C" in tile(page, "machine-42")


def test_where_websockets_are_blocked_events_bring_the_same(browser: Browser, floor: Floor) -> None:
    page = browser.open("about:blank")
    page.add_init_script(
        "window.WebSocket = class { constructor() { setTimeout(() => this.onclose && this.onclose(), 5); } send() {} };"
    )
    page.goto(floor.url)
    page.wait_for_selector('#link[data-link="events"]')
    floor.put(23.5)
    assert eventually(lambda: page.locator(".tile").count() == 1 and "23.50 °C" in tile(page, "machine-42"))


def test_text_is_text_and_a_phone_needs_no_sideways_scrolling(browser: Browser, floor: Floor) -> None:
    evil = "factory/floor-2/<img src=x onerror=document.title='owned'>"
    floor.put(90.0, f"{evil}/temperature")
    phone = {"viewport": {"width": 360, "height": 640}, "color_scheme": "dark"}
    page = opened(browser, floor, **phone)
    page.wait_for_selector(".tile")
    assert "<img src=x" in tile(page, "onerror")
    page.locator(".tile").click()
    page.wait_for_selector(".chart .main-svg")
    assert page.locator("img").count() == 0 and "owned" not in page.title()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(int(part) for part in re.findall(r"\d+", ground)[:3]) < 120


def test_what_comes_together_is_shown_in_its_order(browser: Browser, floor: Floor) -> None:
    floor.put(20.0)
    page = opened(browser, floor)
    page.wait_for_selector(".tile")
    values = [80.0 + n / 10 for n in range(40)]
    floor.store.put_readings([arrival(100 + n, topic=TOPIC, value=value) for n, value in enumerate(values)])
    assert eventually(lambda: "83.90 °C" in tile(page, "machine-42"))
    assert page.evaluate("window.floorsense.recorded.length") == 40
    floor.put(50.0, quality=["replayed"])
    assert eventually(lambda: page.evaluate("window.floorsense.leftOut") == 1)
    assert page.evaluate("window.floorsense.recorded.length") == 40


def test_a_board_that_is_lost_is_shown_as_away(browser: Browser, floor: Floor) -> None:
    floor.put(20.0)
    page = opened(browser, floor)
    page.wait_for_selector(".tile")
    floor.store.put_states([state(MACHINE, status="lost", boot=1)])
    assert eventually(lambda: "LOST" in tile(page, "machine-42"))


def test_a_board_of_which_nothing_comes_any_more_is_silent_and_says_since_when(browser: Browser, floor: Floor) -> None:
    floor.put(20.0, ts_ms=now_ms() - 300_000)
    floor.put(21.0, f"{OTHER}/temperature")
    page = opened(browser, floor)
    assert eventually(lambda: "SILENT" in tile(page, "machine-42") and "last reading 5 min ago" in tile(page, "machine-42"))
    assert "OK" in tile(page, "machine-7")
    floor.put(22.0)
    assert eventually(lambda: "SILENT" not in tile(page, "machine-42"))


def test_machines_are_chosen_by_their_state(browser: Browser, floor: Floor) -> None:
    floor.put(90.0)
    floor.put(21.0, f"{OTHER}/temperature")
    page = opened(browser, floor)
    critical = page.get_by_role("group", name="Show machines by state").get_by_role("button", name="1 critical")
    critical.click()
    assert eventually(lambda: page.locator(".tile:visible").count() == 1 and "CRITICAL" in tile(page, "machine-42"))
    assert critical.get_attribute("aria-pressed") == "true" and page.locator("#machine-count").inner_text() == "1 of 2"
    critical.click()
    assert eventually(lambda: page.locator(".tile:visible").count() == 2)


def test_by_keyboard_a_machine_is_opened_its_time_chosen_and_left_again(browser: Browser, floor: Floor) -> None:
    for n in range(5):
        floor.put(20.0 + n, ts_ms=now_ms() - 600_000 - n)
    floor.put(20.0)
    page = opened(browser, floor)
    page.wait_for_selector(".tile")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "tile":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector('#detail[open] .chart[data-points="6"]')
    page.locator('#span input[value="3600000"]').focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector('.chart[data-points="1"]')
    page.keyboard.press("Escape")
    assert not page.locator("#detail").is_visible()
    assert page.evaluate("document.activeElement.className") == "tile"


def test_an_alarm_that_ended_can_be_looked_up(browser: Browser, floor: Floor) -> None:
    floor.put(90.0)
    page = opened(browser, floor)
    assert eventually(lambda: page.locator("#alarms li").count() == 1)
    floor.put(20.0)
    assert eventually(lambda: page.locator("#no-alarms").is_visible())
    page.get_by_text("Cleared lately").click()
    assert eventually(lambda: "90 C, above 85" in page.locator("#cleared-alarms").inner_text())
    assert "lasted" in page.locator("#cleared-alarms").inner_text()


def test_the_zone_of_a_vibration_is_there_from_the_first_look(browser: Browser, floor: Floor) -> None:
    floor.put(5.0, f"{MACHINE}/vibration")
    floor.put(60.0, f"{MACHINE}/temperature.bearing")
    page = opened(browser, floor)
    assert eventually(lambda: "vibration zone D 5.00 mm/s" in tile(page, "machine-42"))
    assert "temperature.bearing 60.00 °C" in tile(page, "machine-42")


def test_a_floor_is_seen_whole_with_what_is_wrong_on_top(browser: Browser, floor: Floor, tmp_path: Path) -> None:
    """Its picture is docs/dashboard.png, made anew where FLOORSENSE_PICTURES is set."""
    floor_scene.play(floor.store)
    page = opened(browser, floor, viewport={"width": 1280, "height": 860})
    assert eventually(lambda: page.locator(".tile").count() == 12 and page.locator("#alarms li").count() == 3)
    pump = "factory/floor-2/pump-6"
    for n in range(30):
        floor.put(47.5 + n / 50, f"{pump}/temperature", boot=2)
        page.wait_for_timeout(100)
    assert [tile(page, name).split()[1] for name in ("furnace-3", "pump-5", "mixer-7", "press-12")] == [
        "CRITICAL",
        "WARNING",
        "LOST",
        "SILENT",
    ]
    assert "measured to shown" in page.locator("#latency").inner_text()
    drawn = "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte)"
    assert page.evaluate(f"[...document.querySelectorAll('.tile canvas')].filter((canvas) => {drawn}).length") >= 20
    nameless = "[...document.querySelectorAll('button, input, summary')].filter((one) => !one.innerText && !one.labels?.length"
    assert page.evaluate(nameless + " && !one.getAttribute('aria-label')).length") == 0
    picture = tmp_path / "floor.png"
    page.screenshot(path=picture)
    # As many colours as the page has; a quarter of the bytes.
    with Image.open(picture) as whole:
        assert whole.size == (1280, 860)
        if os.environ.get("FLOORSENSE_PICTURES"):
            whole.convert("RGB").quantize(96, dither=Image.Dither.NONE).save(DOCS / "dashboard.png", optimize=True)
