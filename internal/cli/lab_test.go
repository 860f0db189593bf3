package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/report"
)

// sharedLab is one lab for all tests of the package.
var sharedLab = sync.OnceValues(func() (*lab.Lab, error) { return lab.Start(context.Background(), lab.Options{}) })

func startLab(t testing.TB) *lab.Lab {
	t.Helper()
	l, err := sharedLab()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run runs the command line in this process.
func run(stdin string, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = Main(args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

// The flags of a scenario and its policy are two ways to say one thing: the
// command line comes to the same verdict and findings as `assay lab check`,
// which compares them with what the scenario wants.
func TestCheckLab(t *testing.T) {
	l := startLab(t)
	cache := t.TempDir()
	statuses := map[report.Verdict]int{report.Accept: exitAccept, report.Reject: exitReject, report.Inconclusive: exitInconclusive}
	for _, s := range l.Scenarios {
		if s.Local || s.DownloadTimeout > 0 || s.Timeout > 0 {
			continue // their limits have no flag, and waiting for the defaults would take long
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			status, out, errs := run("", append(l.Assay(s), "--format", "json", "--cache-dir", cache)...)
			if status == exitUsage {
				t.Fatalf("%s", errs)
			}
			var r report.Report
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			want, err := judgeScenario(t.Context(), l, s)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != want.Got || status != statuses[want.Got] {
				t.Errorf("verdict %s, status %d, want %s", r.Verdict, status, want.Got)
			}
			if got := allFindings(&r); !slices.Equal(got, want.Findings) {
				t.Errorf("findings %v, want %v", got, want.Findings)
			}
			for _, c := range out {
				if c < 0x20 && c != '\n' || c >= 0x7f && c <= 0x9f || c == '\u202e' {
					t.Errorf("%q reached standard output", c)
				}
			}
		})
	}
}

// Text of every scenario holds no control character and fits its lines.
func TestCheckLabText(t *testing.T) {
	l := startLab(t)
	for _, s := range l.Scenarios {
		if s.Group != "hostile" && s.Group != "connection" || s.Local || s.DownloadTimeout > 0 || s.Timeout > 0 {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			_, out, errs := run("", append(l.Assay(s), "-v", "-i", "--cache-dir", t.TempDir())...)
			if !strings.Contains(out, s.Host) {
				t.Errorf("the target is not named:\n%s%s", out, errs)
			}
			for _, c := range out + errs {
				if c < 0x20 && c != '\n' || c >= 0x7f && c <= 0x9f || c == '\u202e' {
					t.Errorf("%q reached the terminal", c)
				}
			}
		})
	}
}
