package browser

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestService looks at the pages of assay serve. The parts share one service.
func TestService(t *testing.T) {
	w := newWorld(t)
	w.change(w.revoked, "reject") // so that there are changes, and a history
	in := func(part string, f func(*world, *inspector)) {
		t.Run(part, func(t *testing.T) {
			i := newInspector(t)
			w := w.of(t)
			w.login(i.tab)
			f(w, i)
			i.quiet(part)
		})
	}
	in("pages", (*world).lookAtPages)
	in("errors", (*world).lookAtErrors)
	in("hostile", (*world).lookAtHostile)
	in("keyboard", (*world).walk)
	in("forms", (*world).useForms)
	in("actions", func(w *world, i *inspector) { w.useActions(i, "expired") })
	in("scripts off", (*world).withoutScripts)
	in("live", (*world).watchLive)
	in("sign out", (*world).signOut)
}

func (w *world) full(path string) string { return strings.TrimSuffix(w.address, "/") + path }

// sorted are the keys of pages by kind.
func sorted(pages map[string][]string) (kinds []string) {
	for k := range pages {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// wantKinds are pages that must be found by following links.
var wantKinds = []string{"/", "/alerts", "/certificates", "/certificates/N", "/check", "/explain/ID", "/findings", "/issuers", "/issuers/N", "/targets/N", "/targets/N?state"}

// lookAtPages looks at every kind of page.
func (w *world) lookAtPages(i *inspector) {
	pages := w.crawl(2)
	kinds := sorted(pages)
	i.t.Logf("%d kinds of pages: %q", len(kinds), kinds)
	for _, k := range wantKinds {
		if len(pages[k]) == 0 {
			i.t.Errorf("no link leads to a page %s", k)
		}
	}
	for _, k := range kinds {
		for _, address := range pages[k] {
			i.page(pictureName(address), w.full(address))
		}
	}
}

// lookAtErrors looks at pages about what went wrong, and at what people type into
// addresses.
func (w *world) lookAtErrors(i *inspector) {
	for _, c := range []struct{ path, status string }{
		{"/nowhere", "404"}, {"/host/999999999", "404"}, {"/explain/" + url.PathEscape(hostileNames[1]), "404"}, {"/?verdict=" + url.QueryEscape(hostileNames[0]), "400"},
		{"/?q=" + url.QueryEscape(hostileNames[0]), ""}, {"/?q=" + url.QueryEscape(strings.Repeat("long", 200)), ""}, {"/?finding=" + url.QueryEscape(hostileNames[1]), ""},
		{"/?group=" + url.QueryEscape(hostileNames[4]), ""}, {"/login?next=javascript:alert(1)", ""},
	} {
		if c.status != "" {
			i.allow("status of " + c.status)
		}
		i.page("error-"+strings.TrimPrefix(pictureName(c.path), "page-"), w.full(c.path))
	}
}

// lookAtHostile looks at the pages about servers with hostile names.
func (w *world) lookAtHostile(i *inspector) {
	var all struct {
		Targets []struct {
			ID          int64
			Name, Group string
		}
	}
	w.get("api/v1/targets?group=hostile&limit=1000", &all)
	if len(all.Targets) != len(hostileNames) {
		i.t.Fatalf("%d targets have hostile names", len(all.Targets))
	}
	for _, x := range all.Targets {
		i.page("hostile-"+x.Name[:1], w.full(fmt.Sprintf("/host/%d", x.ID)))
	}
	i.page("hostile-search", w.full("/?group=hostile"))
	var certs struct {
		Certificates []struct{ SHA256, Subject string }
	}
	w.get("api/v1/certificates?limit=1000", &certs)
	n := 0
	for _, c := range certs.Certificates {
		if n < 4 && (strings.Contains(c.Subject, "alert") || strings.Contains(c.Subject, "longlong")) {
			n++
			i.page(fmt.Sprintf("hostile-certificate-%d", n), w.full("/certificate/"+c.SHA256))
		}
	}
	if n < 3 {
		i.t.Errorf("only %d certificates have hostile names", n)
	}
}

// walk goes through each kind of page with the keyboard alone.
func (w *world) walk(i *inspector) {
	pages := w.crawl(1)
	for _, l := range []look{looks[0], looks[2]} {
		i.use(l)
		for _, k := range sorted(pages) {
			i.keyboard(k+" "+l.name, w.full(pages[k][0]))
		}
	}
	i.visit(w.address)
	run(i.tab, chromedp.KeyEvent("\t"))
	run(i.tab, chromedp.KeyEvent("\r"))
	i.until("the skip link leads to the content", "document.activeElement===document.querySelector('main') || location.hash==='#main'")
	run(i.tab, chromedp.KeyEvent("\t"))
	if !js[bool](i.tab, "document.querySelector('main').contains(document.activeElement)") {
		i.t.Errorf("after the skip link the Tab key leads to %s", js[string](i.tab, "words(document.activeElement)"))
	}
	i.leaving(func() { run(i.tab, chromedp.KeyEvent("\r")) }) // Enter follows the link that has the focus
}

// useForms uses the forms as people do.
func (w *world) useForms(i *inspector) {
	i.visit(w.address)
	i.fill("#q", "revoked")
	i.submit("#q")
	rows := func() string {
		return js[string](i.tab, "[...document.querySelectorAll('main tbody tr')].map((r)=>r.innerText.replace(/\\s+/g,' ')).join('\\n')")
	}
	if got := rows(); !strings.Contains(got, "revoked-intermediate") || strings.Contains(got, "wrong-host") {
		i.t.Errorf("a search for revoked finds %q", got)
	}
	i.visit(w.address)
	run(i.tab, chromedp.SetValue(chromedp.CSS("#verdict"), "accept"))
	i.press("form[role=search] button")
	if got := rows(); !strings.Contains(got, "good-staple") || strings.Contains(got, "expired") {
		i.t.Errorf("the filter for accept finds %q", got)
	}
	i.visit(w.address)
	i.fill("#q", "nothinghasthisname")
	i.submit("#q")
	if got := i.says(); !strings.Contains(got, "Show all hosts") {
		i.t.Errorf("a search that finds nothing says %q", got)
	}
}

// useActions uses the forms that have something done, those of a host too.
func (w *world) useActions(i *inspector, name string) {
	says := func(what string, words ...string) {
		i.t.Helper()
		got := i.says()
		for _, word := range words {
			if !strings.Contains(got, word) {
				i.t.Errorf("%s: the page lacks %q: %.1500q", what, word, got)
			}
		}
	}
	i.visit(w.full("/check"))
	i.fill("#target", w.revoked.Target())
	i.submit("#target")
	says("a check of a revoked server", "REJECT", "cert-revoked", "What to do")
	i.allow("status of 4")
	i.visit(w.full("/check"))
	i.fill("#target", "not a host at all")
	i.submit("#target")
	if js[bool](i.tab, "!document.querySelector('[role=alert]')||document.querySelector('#target').value!=='not a host at all'") {
		i.t.Errorf("a check of what is no server says %.800q", i.says())
	}
	host := w.full(fmt.Sprintf("/host/%d", w.target(name).ID))
	i.visit(host)
	i.button("Judge again now")
	says("judge again now", "A check was asked for")
	w.wait("there is an alert about the host", func() bool {
		_, b := w.do("GET", "api/v1/alerts", nil)
		return strings.Contains(string(b), strconv.Quote(name))
	})
	i.visit(host)
	i.fill("form[action$='/acknowledge'] input[name=comment]", "ordered "+hostileNames[0])
	i.button("Acknowledge")
	says("acknowledge", "token 1 looks after it", "ordered <script>")
	i.fill("form[action$='/silence'] input[name=comment]", "known "+hostileNames[1])
	i.button("Silence")
	says("silence", "Silenced until", "known \"><img")
	i.visit(w.full("/alerts"))
	i.fill("form[action='/silences'] input[name=group]", "lab")
	i.fill("form[action='/silences'] input[name=comment]", hostileNames[2])
	i.button("Begin")
	says("a silence of a group", "Group lab", "{{.}}")
	i.button("End")
}

// withoutScripts wants the same content and working forms when the browser runs no
// scripts.
func (w *world) withoutScripts(i *inspector) {
	pages := w.crawl(1)
	with := map[string]string{}
	for k, all := range pages {
		i.visit(w.full(all[0]))
		with[k] = js[string](i.tab, "content()")
	}
	off := newInspector(i.t)
	off.scripts(false)
	w.login(off.tab) // by the form
	for _, k := range sorted(pages) {
		off.visit(w.full(pages[k][0]))
		if got := js[string](off.tab, "content()"); got != with[k] {
			n := 0
			for n < min(len(got), len(with[k])) && got[n] == with[k][n] {
				n++
			}
			i.t.Errorf("%s: without scripts it says %.300q, with them %.300q", k, got[n:], with[k][n:])
		}
	}
	w.useForms(off)
	w.useActions(off, "self-signed")
	w.signOut(off)
	off.quiet("scripts off")
}

// watchLive has a server change while its pages are open: they show it without being
// loaded again, and the focus stays.
func (w *world) watchLive(i *inspector) {
	w.change(w.good, "accept")
	host := newInspector(i.t)
	w.login(host.tab)
	id := w.target("changing").ID
	host.visit(w.full(fmt.Sprintf("/host/%d", id)))
	i.visit(w.full("/?q=changing"))
	const link = "[...document.querySelectorAll('main table a')].find((a)=>a.innerText==='changing')"
	row := link + ".closest('tr').innerText"
	i.until("the row says accept", row+".includes('accept')")
	to := js[string](i.tab, "(%s.focus(),window.__mark=true,document.activeElement.getAttribute('href'))", link)
	js[bool](host.tab, "window.__mark=true")
	w.change(w.revoked, "reject")
	i.until("the overview shows the change", "window.__mark && "+row+".includes('reject')")
	host.until("the host's page shows the change", "window.__mark && document.querySelector('main').innerText.includes('cert-revoked')")
	if at := js[string](i.tab, "document.activeElement.getAttribute('href')||''"); at != to {
		i.t.Errorf("the focus went from the host's link to %q", at)
	}
	i.until("the change is told to who does not see it", "document.querySelector('[aria-live]').innerText.includes('changing')")
	host.quiet("live")
}

// signOut ends the session by its button.
func (w *world) signOut(i *inspector) {
	i.visit(w.address)
	i.press("form[action='/logout'] button")
	i.until("the form to sign in", "document.querySelector('input[name=token]')")
	i.visit(w.address)
	i.until("the form to sign in, again", "document.querySelector('input[name=token]')")
	i.allow("status of 403")
	i.fill("input[name=token]", "not the token at all, though long")
	i.submit("input[name=token]")
	i.until("what is wrong", "document.querySelector('[role=alert]')")
}
