"""A headless Chromium drives the dashboard of `maar serve`, as a person would: it clicks and reads what the page shows.

browser.py CHROMIUM TEST URL OPTIONS(JSON). Speaks the browser's own protocol over a pipe, so that it takes no package. A failure is a
traceback and exit code 1.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time

PATIENCE = 60


class Browser:
    """One page of a browser of its own."""

    def __init__(self, chromium, folder):
        (theirs_in, self.out), (self.inp, theirs_out) = os.pipe(), os.pipe()

        def three_and_four():
            # The numbers that the browser looks for its pipes at.
            spare_in, spare_out = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(spare_in, 3)
            os.dup2(spare_out, 4)

        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--window-size=1280,900",
                     f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"]
        self.process = subprocess.Popen([chromium, *arguments], preexec_fn=three_and_four, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.number, self.read, self.events, self.session = 0, b"", [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")

    def message(self, deadline):
        while b"\0" not in self.read:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.inp], [], [], left)[0], "the browser does not answer"
            part = os.read(self.inp, 1 << 20)
            assert part, "the browser ended"
            self.read += part
        line, self.read = self.read.split(b"\0", 1)
        return json.loads(line)

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.out, json.dumps(request).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            message = self.message(deadline)
            if message.get("id") == self.number:
                assert "error" not in message, (method, message)
                return message["result"]
            self.events.append(message)

    def run(self, script):
        """The value of an expression in the page."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def open(self, url):
        self.call("Page.navigate", url=url)

    def text(self, selector="body"):
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def until(self, script, what):
        deadline = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < deadline, f"{what}: {self.text()}"
            time.sleep(0.1)

    def shows(self, words):
        self.until(f"(document.body?.innerText ?? '').includes({json.dumps(words)})", f"the page does not show '{words}'")

    def click(self, words):
        """Clicks what has these words, with the mouse: it must be there for people."""
        find = f"""(() => {{
            const all = [...document.querySelectorAll('a, button')].filter((e) => e.innerText === {json.dumps(words)} && !e.hidden);
            all[0]?.scrollIntoView({{ block: 'center' }});
            const box = all[0]?.getBoundingClientRect();
            return box && box.width > 0 ? [box.x + box.width / 2, box.y + box.height / 2] : null;
        }})()"""
        self.until(f"{find} !== null", f"nothing to click has the words '{words}'")
        x, y = self.run(find)
        for kind in ["mousePressed", "mouseReleased"]:
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path):
        import base64

        shot = self.call("Page.captureScreenshot", format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def troubles(self):
        """What the browser complained of: errors of scripts, what the policy refused."""
        found = []
        for event in self.events:
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(event["params"]["exceptionDetails"])
            entry = event.get("params", {}).get("entry", {})
            # A test logs in with a wrong password, and another provokes the policy.
            is_meant = any(words in entry.get("text", "") for words in ["401", "TrustedHTML"])
            if event.get("method") == "Log.entryAdded" and entry.get("level") == "error" and not is_meant:
                found.append(entry)
        return found

    def places(self):
        """All that the page asked for."""
        return {event["params"]["request"]["url"] for event in self.events if event.get("method") == "Network.requestWillBeSent"}

    def close(self):
        self.process.kill()
        self.process.wait()


def pages(browser, url, options):
    """Each page is drawn; SQL that looks like markup stays text."""
    browser.open(url)
    browser.shows("Queries of all users")
    for name, words in [("Queries", "Ended"), ("Memory", "Memory of the process"), ("Storage", "Work since the server started"),
                        ("Sessions", "There are no sessions."), ("Device", "Up for")]:
        browser.click(name)
        browser.shows(words)
    browser.click("Queries")
    browser.shows("<script>document.title=''taken''</script>")
    browser.shows("<img src=x onerror")
    assert browser.run("document.querySelectorAll('main script, main img').length") == 0
    assert "taken" not in browser.run("document.title")
    browser.click(options["finished"])
    browser.shows("DataSourceExec")
    browser.shows("on the host:")
    browser.shows("Timeline")
    for theme in ["dark", "light"]:
        browser.run(f"document.documentElement.dataset.theme = {json.dumps(theme)}")
        paint = "getComputedStyle(document.body).backgroundColor"
        print(theme, browser.run(paint))
        if options.get("shots"):
            browser.screenshot(f"{options['shots']}/query-{theme}.png")
    assert not browser.troubles(), browser.troubles()
    # The policy holds: no text becomes markup, and no script of the page's own runs.
    assert browser.run("(() => { try { document.body.innerHTML = 'x'; return false; } catch { return true; } })()")


def cancel(browser, url, options):
    """A query that runs: its progress moves, and a click ends it."""
    browser.open(url + "#/queries")
    browser.shows("running")
    progress = "Math.max(...[...document.querySelectorAll('progress')].map((bar) => bar.value), -1)"
    browser.until(f"{progress} > 0", "no progress is shown")
    first = browser.run(progress)
    browser.until(f"{progress} > {first}", "the progress does not move")
    if options.get("shots"):
        browser.screenshot(f"{options['shots']}/queries.png")
    browser.click("Cancel")
    browser.shows("cancelled")
    browser.shows("Nothing runs.")


def login(browser, url, options):
    """Nothing is shown before a login; then one's own."""
    browser.open(url + "#/queries")
    browser.shows("or a token of the identity provider")
    assert "select" not in browser.text().lower(), browser.text()
    fill = "document.querySelector('input[name={0}]').value = {1}"
    for password, words in [("wrong", "must be right"), (options["password"], "sees own queries")]:
        browser.run(fill.format("user", json.dumps(options["user"])))
        browser.run(fill.format("password", json.dumps(password)))
        browser.click("Log in")
        browser.shows(words)
    browser.shows(options["own"])
    assert options["other"] not in browser.text(), browser.text()
    browser.click("Log out")
    browser.shows("or a token of the identity provider")


def main(chromium, test, url, options):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(chromium, folder)
        try:
            globals()[test](browser, url, json.loads(options))
            assert not browser.troubles(), browser.troubles()
            elsewhere = [place for place in browser.places() if not place.startswith((url, "about:"))]
            assert not elsewhere, elsewhere
        finally:
            browser.close()


main(*sys.argv[1:])
