package browser

import (
	"context"
	_ "embed"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds one step in the browser. It only ends what will never come.
const patience = 90 * time.Second

//go:embed testdata/look.js
var lookScript string

// tab is a tab of Chromium, which writes down everything that must not happen.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	origin   string // of the page; requests elsewhere are wrong
	troubles []string
	allowed  []string // parts of troubles that a test provokes
}

// newTab opens a tab with cookies of its own.
func newTab(t testing.TB) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium.start(t), chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	call(b, log.Enable, cdp.Empty{})
	call(b, audits.Enable, cdp.Empty{})
	call(b, network.Enable, network.EnableParams{})
	call(b, runtime.Enable, cdp.Empty{})
	return b
}

// call gives an order to the browser.
func call[P, R any](b *tab, cmd cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	r, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		b.t.Fatalf("%s: %v", cmd.Method, err)
	}
	return r
}

// run has the browser do something and waits for it.
func run[T any](b *tab, a chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	r, err := chromedp.Run(ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// js evaluates an expression. The functions of look.js are at hand.
func js[T any](b *tab, format string, args ...any) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T]("(()=>{"+lookScript+"\nreturn "+fmt.Sprintf(format, args...)+"})()"))
}

// listen is called for each event of the tab, in the loop that reads them.
func (b *tab) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning || e.Entry.Source == log.EntrySourceSecurity {
			b.trouble("console: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, a := range e.Args {
			words = append(words, string(a.Value)+a.Description)
		}
		b.trouble("console.%s: %s", e.Type, strings.Join(words, " "))
	case *runtime.EventExceptionThrown:
		b.trouble("exception: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			b.trouble("against the Content-Security-Policy: %s %s", d.ViolatedDirective, d.BlockedURL)
		}
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.origin) && !strings.HasPrefix(u, "data:") {
			b.trouble("a request to another origin: %s", u)
		}
	case *page.EventJavascriptDialogOpening:
		b.trouble("a dialog: %s %q", e.Type, e.Message)
		go chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
	}
}

func (b *tab) trouble(format string, args ...any) {
	b.troubles = append(b.troubles, fmt.Sprintf(format, args...))
}

// visit leads the tab to an address and waits until the page is loaded.
func (b *tab) visit(address string) {
	b.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	if b.origin = u.Scheme + "://" + u.Host + "/"; u.Scheme == "file" {
		b.origin = address // a file is a whole page
	}
	b.mu.Unlock()
	run(b, chromedp.Navigate(address))
}

// quiet wants nothing to have happened that must not.
func (b *tab) quiet(where string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, s := range b.troubles {
		for _, a := range b.allowed {
			if strings.Contains(s, a) {
				continue next
			}
		}
		b.t.Errorf("%s: %s", where, s)
	}
	b.troubles = nil
}

// look is how a page is looked at.
type look struct {
	name   string
	width  int64
	scheme string // of colours
	media  string
}

// looks are how every page is looked at. The width of print is A4's between its margins.
var looks = []look{
	{"360-light", 360, "light", "screen"}, {"360-dark", 360, "dark", "screen"}, {"1280-light", 1280, "light", "screen"}, {"1280-dark", 1280, "dark", "screen"},
	{"print", 718, "dark", "print"},
}

// height of the window.
const height = 800

// use has the page seen in that way.
func (b *tab) use(l look) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: l.media, Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: l.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: height, DeviceScaleFactor: 1, Mobile: l.width < 600})
}

// scripts allows or forbids the page's scripts, from the next page on.
func (b *tab) scripts(on bool) {
	b.t.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// until waits until an expression is true.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		done, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")")) // a page that is being left answers nothing
		cancel()
		if done && err == nil {
			return
		}
		if time.Now().After(end) {
			text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("location.href+'\\n'+document.body.innerText.slice(0,2000)"))
			b.t.Fatalf("%s: it never was (%v): %s", what, err, text)
		}
	}
}

// allow lets something happen that a test provokes.
func (b *tab) allow(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.allowed = append(b.allowed, part)
}

// fill puts text into a control, as somebody who types.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	run(b, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// submit presses Enter in a control and waits for the next page.
func (b *tab) submit(selector string) {
	b.t.Helper()
	b.leaving(func() { run(b, chromedp.SendKeys(chromedp.CSS(selector), "\r")) })
}

// press clicks on what has a selector and waits for the next page.
func (b *tab) press(selector string) {
	b.t.Helper()
	b.leaving(func() { run(b, chromedp.Click(chromedp.CSS(selector))) })
}

// leaving waits until the page that f leaves has made place for another.
func (b *tab) leaving(f func()) {
	b.t.Helper()
	js[bool](b, "window.__left=true")
	f()
	b.until("the next page", "!window.__left && document.readyState==='complete'")
}

// button clicks on the button of a text and waits for the next page.
func (b *tab) button(text string) {
	b.t.Helper()
	if !js[bool](b, `(()=>{const all=[...document.querySelectorAll('button')].filter((e)=>e.innerText.trim().startsWith(%q));
		document.querySelectorAll('[data-press]').forEach((e)=>e.removeAttribute('data-press'));
		all.slice(0,1).forEach((e)=>e.setAttribute('data-press',''));return all.length>0})()`, text) {
		b.t.Fatalf("there is no button %q: %s", text, js[string](b, "document.body.innerText.slice(0,3000)"))
	}
	b.press("[data-press]")
}

// says is the text of the page's main part.
func (b *tab) says() string {
	b.t.Helper()
	return js[string](b, "document.querySelector('main').innerText.replace(/\\s+/g,' ')")
}
