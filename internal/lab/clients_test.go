package lab_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/report"
)

// Independent clients are pointed at every scenario. What assay accepts they
// must accept, what it refuses they must refuse; each exception stands in
// disagreements with its reason, and one that is not seen any more fails too.
// Revocation and SCTs cannot be expected of them; what they see nevertheless
// stands in detected.

type client struct {
	program string
	args    func(l *lab.Lab, s lab.Scenario) []string
}

var clients = []client{
	{"curl", func(l *lab.Lab, s lab.Scenario) []string {
		return append([]string{"--silent", "--show-error", "--max-time", "5", "--output", "/dev/null"}, l.Curl(s)...)
	}},
	{"openssl", func(l *lab.Lab, s lab.Scenario) []string { return l.OpenSSL(s) }},
	{"gnutls-cli", func(l *lab.Lab, s lab.Scenario) []string {
		args := []string{"--x509cafile", l.RootFile, "--verify-hostname", s.Host, "--port", s.Port}
		if s.Resolve() != nil {
			args = append(args, "--sni-hostname", s.Host)
		}
		if s.Client.StartTLS != "" {
			args = append(args, "--starttls-proto", s.Client.StartTLS)
		}
		return append(args, "127.0.0.1")
	}},
}

// whyNotSeen are the groups in which refusal cannot be expected of a client.
var whyNotSeen = map[string]string{
	"revocation": "revocation is not checked unless asked, or (OpenSSL) not at all over the network",
	"ct":         "SCTs are not looked at",
	"programs":   "root programs are not asked",
}

func TestClientsAgree(t *testing.T) {
	for _, c := range clients {
		t.Run(c.program, func(t *testing.T) {
			program := peers.Path(t, c.program)
			l := start(t)
			for _, s := range l.Scenarios {
				t.Run(s.Name, func(t *testing.T) {
					t.Parallel()
					if !reaches(c.program, s) {
						t.Skip("the client cannot be told to do this")
					}
					accepted, output := try(c, program, l, s)
					agrees := accepted == (s.Want == report.Accept)
					why, odd := disagreements[s.Name][c.program]
					_, seen := detected[s.Name][c.program]
					switch {
					case agrees && odd && strings.HasPrefix(why, sometimes): // it depends on who is faster
					case agrees && odd:
						t.Errorf("agrees now; the reason %q is out of date", why)
					case accepted && seen:
						t.Error("does not detect it any more")
					case agrees && !accepted && whyNotSeen[s.Group] != "" && !seen:
						t.Error("detects it; add it to detected")
					case !agrees && !odd && (!accepted || whyNotSeen[s.Group] == ""):
						t.Errorf("accepted: %v, assay's verdict: %s\n%s", accepted, s.Want, output)
					}
				})
			}
		})
	}
}

// reaches reports whether a client can be sent the way that s takes.
func reaches(program string, s lab.Scenario) bool {
	d := s.Client
	switch {
	case s.Local || d.ConnectTimeout != 0 || d.Certificate != nil || d.Resolve != nil || d.ProxyHeader != 0 || strings.HasPrefix(d.Proxy, "https:"):
		return false
	case d.Proxy != "":
		return program != "gnutls-cli"
	case d.StartTLS != "":
		return program != "curl" // which wants mail commands after it
	}
	return true
}

// try connects once and reports whether the client was content.
func try(c client, program string, l *lab.Lab, s lab.Scenario) (accepted bool, output string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if s.Name == "silent" || s.Name == "smtp-half-greeting" {
		ctx, cancel = context.WithTimeout(ctx, time.Second)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, program, c.args(l, s)...)
	out, err := cmd.CombinedOutput() // standard input is empty
	lines := strings.Split(strings.ToValidUTF8(string(out), "?"), "\n")
	if len(lines) > 12 {
		lines = lines[len(lines)-12:]
	}
	return err == nil, strings.Join(lines, "\n")
}
