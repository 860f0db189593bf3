package browser

import (
	"bytes"
	"encoding/json"
	"image/color"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// artefacts is the folder for pictures.
func artefacts(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("ASSAY_ARTEFACTS")
	if dir == "" {
		return t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// inspector looks at pages from all sides.
type inspector struct {
	*tab
	dir, axe string
}

func newInspector(t testing.TB) *inspector {
	return &inspector{newTab(t), artefacts(t), axe(t)}
}

// page looks at the page at an address in each of the looks; name is what its pictures
// are called.
func (i *inspector) page(name, address string) {
	i.t.Helper()
	for _, l := range looks {
		where := name + " " + l.name
		i.use(l)
		i.visit(address)
		for _, s := range js[[]string](i.tab, "overflow(%d)", l.width) {
			i.t.Errorf("%s: %s", where, s)
		}
		if bad := js[[]string](i.tab, "controlCharacters()"); len(bad) > 0 {
			i.t.Errorf("%s: the text has %v", where, bad)
		}
		if bad := js[[]string](i.tab, "foreignLinks()"); len(bad) > 0 {
			i.t.Errorf("%s: links of the pages lead to %q", where, bad)
		}
		i.accessible(where, l)
		paper := i.picture(filepath.Join(i.dir, name+"-"+l.name+".png"))
		if dark := l.media == "screen" && l.scheme == "dark"; dark && paper > 0.3 || !dark && paper < 0.9 {
			i.t.Errorf("%s: the background is %.2f light", where, paper)
		}
		i.quiet(where)
	}
}

// finding is what axe-core finds, as far as it is told here.
type axeFinding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// accessible wants axe-core to find nothing serious.
func (i *inspector) accessible(where string, l look) {
	i.t.Helper()
	if i.axe == "" || l.media != "screen" {
		return
	}
	// As if it were typed into the console: the page's policy has no say in it.
	run(i.tab, chromedp.Evaluate[chromedp.Void](i.axe+";undefined"))
	text := run(i.tab, chromedp.Evaluate[string]("axe.run(document,{resultTypes:['violations']}).then((r)=>JSON.stringify(r.violations))", chromedp.EvalAwaitPromise))
	var all []axeFinding
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		i.t.Fatal(err)
	}
	for _, f := range all {
		say := i.t.Errorf
		if f.Impact != "serious" && f.Impact != "critical" {
			say = i.t.Logf
		}
		for _, n := range f.Nodes[:min(len(f.Nodes), 4)] {
			say("%s: axe %s (%s): %s\n%.300s\n%s", where, f.ID, f.Impact, f.Help, n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", " "))
		}
	}
}

// mostHeight bounds a picture.
const mostHeight = 6000

// picture writes the whole page into a file, and says how light most of it is, from 0
// to 1.
func (i *inspector) picture(file string) float64 {
	i.t.Helper()
	s := js[struct{ Width, Height float64 }](i.tab, "size()")
	yes := true
	r := call(i.tab, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &yes, OptimizeForSpeed: &yes,
		Clip: &page.Viewport{Width: s.Width, Height: min(s.Height, mostHeight), Scale: 1}})
	if err := os.WriteFile(file, []byte(r.Data), 0o644); err != nil {
		i.t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(r.Data))
	if err != nil {
		i.t.Fatal(err)
	}
	counts, most := map[color.RGBA]int{}, color.RGBA{}
	for y := 0; y < m.Bounds().Dy(); y += 7 {
		for x := 0; x < m.Bounds().Dx(); x += 7 {
			c := color.RGBAModel.Convert(m.At(x, y)).(color.RGBA)
			if counts[c]++; counts[c] > counts[most] {
				most = c
			}
		}
	}
	return float64(int(most.R)+int(most.G)+int(most.B)) / 765
}

// keyboard walks through the page with the Tab key alone: it reaches every control in
// the page's order, and shows where it is.
func (i *inspector) keyboard(where, address string) {
	i.t.Helper()
	i.visit(address)
	type control struct{ Words, Style string }
	all := js[[]control](i.tab, "controls().map((e)=>({words:words(e),style:style(e)}))")
	for n, c := range all {
		run(i.tab, chromedp.KeyEvent("\t"))
		at := js[struct {
			Control  control
			Index    int
			Onscreen bool
		}](i.tab, `(()=>{const e=document.activeElement,r=e.getBoundingClientRect();return{control:{words:words(e),style:style(e)},index:controls().indexOf(e),onscreen:r.bottom>0&&r.top<innerHeight&&r.right>0&&r.left<innerWidth&&r.width>0}})()`)
		switch {
		case at.Index != n:
			i.t.Errorf("%s: Tab %d leads to %s (%d), not to %s", where, n+1, at.Control.Words, at.Index, c.Words)
			return
		case at.Control.Style == c.Style:
			i.t.Errorf("%s: %s does not show that it has the focus", where, c.Words)
		case !at.Onscreen:
			i.t.Errorf("%s: %s has the focus and is not to be seen", where, c.Words)
		}
	}
	if len(all) == 0 {
		i.t.Logf("%s: there is nothing to reach", where)
	}
}

func fileURL(name string) string { return (&url.URL{Scheme: "file", Path: name}).String() }
