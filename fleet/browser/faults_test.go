package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// recorder takes down what a test would complain about.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

// badPage has every fault that the pages must not have.
const badPage = `<!doctype html><html lang="en"><title>x</title><meta name="viewport" content="width=device-width"><main>
<style>:focus { outline: none } body { background: #fff } p { color: #eee; width: 3000px }</style>
<p>A wide paragraph that hardly anybody can read, with ` + "\u202e" + ` in it.</p><a href="javascript:alert(2)">x</a> <a href="http://127.0.0.1:1/">away</a> <input>
<button id="late" tabindex="2">first</button><img src="http://127.0.0.1:1/x.png" alt="">
<script>console.error("said"); alert(1); nothing()</script></main>`

// TestFaults: what these tests look for they find.
func TestFaults(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/strict" {
			w.Header().Set("Content-Security-Policy", "default-src 'self'")
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, badPage)
	}))
	defer page.Close()
	r := &recorder{TB: t}
	i := newInspector(t)
	i.t = r
	i.page("faults", page.URL+"/")
	i.keyboard("keys", page.URL+"/")
	i.page("strict", page.URL+"/strict")
	all := strings.Join(r.said, "\n")
	want := []string{"the page is 30", "px in a box", "U+202e", `"javascript:alert(2)"`, `"http://127.0.0.1:1/"`, "1.00 light", `a dialog: alert "1"`, `console.error: "said"`, "nothing is not defined",
		"a request to another origin: http://127.0.0.1:1/x.png", "keys: Tab 1 leads to", "strict 360-light: against the Content-Security-Policy"}
	if i.axe != "" {
		want = append(want, "axe color-contrast (serious)", "axe label (critical)")
	}
	for _, w := range want {
		if !strings.Contains(all, w) {
			t.Errorf("it does not find %q in\n%s", w, all)
		}
	}
	r.said = nil
	i.keyboard("keys", "data:text/html,<style>:focus{outline:none}</style><a href='/'>x</a>")
	if all := strings.Join(r.said, "\n"); !strings.Contains(all, "does not show that it has the focus") {
		t.Errorf("a focus that is not to be seen: %s", all)
	}
}
