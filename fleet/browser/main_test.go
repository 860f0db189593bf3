package browser

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/assaytls/assay/fleet/command"
	"github.com/assaytls/assay/internal/lab/peers"
)

// The test's program is assay-fleet itself when this variable is set: so the service
// that is looked at is a process of its own.
const asProgram = "ASSAY_FLEET_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(command.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	status := m.Run()
	chromium.stop()
	os.Exit(status)
}

// chromium is the one Chromium of all tests. Each tab has cookies of its own.
var chromium browser

type browser struct {
	once sync.Once
	ctx  context.Context
	err  error
	ends []func()
}

// start starts it for the first test that asks. It has an empty profile, and finds no
// host but this computer.
func (b *browser) start(t testing.TB) context.Context {
	t.Helper()
	path := peers.Path(t, "chromium")
	b.once.Do(func() {
		home, err := os.MkdirTemp("", "assay-browser-")
		if err != nil {
			b.err = err
			return
		}
		b.ends = append(b.ends, func() { os.RemoveAll(home) })
		options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(home), chromedp.Headless, chromedp.NoFirstRun,
			chromedp.NoSandbox, // it sees pages of this repository alone, and its sandbox needs rights that root and a namespace do not have
			chromedp.DisableGPU, chromedp.Env("HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home), chromedp.ModifyCmdFunc(peers.Tie)}
		for _, name := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-extensions", "disable-dev-shm-usage",
			"no-proxy-server", "disable-renderer-backgrounding", "disable-background-timer-throttling"} {
			options = append(options, chromedp.Flag(name, true))
		}
		options = append(options, chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("password-store", "basic"))
		allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, _ := chromedp.NewContext(allocator)
		b.ends = append(b.ends, end, func() { chromedp.Cancel(ctx) })
		b.ctx, b.err = ctx, chromedp.Do(ctx)
	})
	if b.err != nil {
		t.Fatalf("Chromium does not start: %v", b.err)
	}
	return b.ctx
}

func (b *browser) stop() {
	for i := len(b.ends) - 1; i >= 0; i-- {
		b.ends[i]()
	}
}

// axe is the text of axe-core, whose file ASSAY_AXE names. "" is that there is none,
// which is wrong in a full run.
func axe(t testing.TB) string {
	t.Helper()
	name := os.Getenv("ASSAY_AXE")
	if name == "" {
		if os.Getenv("ASSAY_FULL") == "1" {
			t.Fatal("ASSAY_AXE does not name axe.min.js of axe-core (npm install axe-core)")
		}
		return ""
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("ASSAY_AXE: %v", err)
	}
	return string(b)
}
