//go:build unix

package command

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/assaytls/assay/fleet/web"
	"github.com/assaytls/assay/internal/house"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
)

// The commands on these pages run in a shell: scans of a server of the lab, services
// that are started, asked and interrupted.
func TestDocCommands(t *testing.T) {
	w := newWorld(t)
	for _, page := range []string{"README.md", "docs/scan.md", "docs/serve.md", "docs/watch.md"} {
		t.Run(page, func(t *testing.T) {
			blocks, err := house.BlocksFor("../..", page, "fleet/command TestDocCommands")
			if err != nil || len(blocks) == 0 {
				t.Fatalf("%d blocks, %v", len(blocks), err)
			}
			d := newDocShell(t, w)
			if page == "docs/watch.md" { // a list of serve has targets alone
				if err := os.WriteFile(filepath.Join(d.dir, "hosts.txt"), []byte("c.invalid\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, b := range blocks {
				for _, text := range house.Commands(b.Text) {
					if err := house.Runnable(text); err != nil {
						t.Errorf("%s:%d: %v", page, b.Line, err)
						continue
					}
					d.run(page, text)
				}
			}
			d.interrupt()
		})
	}
}

// docShell runs the commands of a page, one after the other. A service goes on beside
// them until the next one is started.
type docShell struct {
	t       *testing.T
	dir     string
	env     []string
	names   *strings.Replacer
	address string // of the service
	door    string // of the demonstration's commands
	service *exec.Cmd
	said    bytes.Buffer
}

func newDocShell(t *testing.T, w *world) *docShell {
	t.Helper()
	d := &docShell{t: t, dir: t.TempDir()}
	d.address, d.door = twoAddresses(t)
	good, _ := w.lab.Scenario("good")
	// What the pages call assay is this program, with the flags that lead it to the lab.
	shim := "#!/bin/sh\ncase \"$*\" in\n*--resume*|*\" show \"*|*check-config*) ;;\nscan*) set -- \"$@\" " + strings.Join(w.flags, " ") + " ;;\nserve*) set -- \"$@\" --listen " + d.address + " ;;\nesac\n" +
		"exec '" + os.Args[0] + "' \"$@\"\n"
	config, err := os.ReadFile("../../docs/watch.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(config), "    # watch.yaml\n")
	text, _, _ = strings.Cut(text, "\n\n")
	client, _ := w.lab.ClientPairs()
	key, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := os.ReadFile(w.lab.LogListFile)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"logs.json": string(logs),
		"assay":     shim, "assay-fleet": shim, "hosts.txt": line(good.Host, good.Addr) + "\n", "token": "0123456789abcdef0123456789abcdef\n",
		"ca.pem": string(forge.PEM("CERTIFICATE", good.Chain[0])), "client.pem": string(forge.PEM("CERTIFICATE", client.Certificate[0])), "client.key": string(forge.PEM("PRIVATE KEY", key)),
		"watch.yaml": strings.ReplaceAll(text, "\n    ", "\n")[4:],
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.names = strings.NewReplacer("127.0.0.1:8843", d.address, "127.0.0.1:8844", d.door, "example.com", "a.invalid", "mail.example", "mail.invalid")
	d.env = append(os.Environ(), asProgram+"=1", "PATH="+d.dir+":"+os.Getenv("PATH"), "XDG_STATE_HOME="+filepath.Join(d.dir, "state"), "XDG_CACHE_HOME="+filepath.Join(d.dir, "cache"), "no_proxy=*")
	t.Cleanup(d.interrupt)
	return d
}

// twoAddresses are free, the second at the port after the first.
func twoAddresses(t *testing.T) (first, second string) {
	t.Helper()
	for range 100 {
		first = freeAddress(t)
		at := netip.MustParseAddrPort(first)
		second = netip.AddrPortFrom(at.Addr(), at.Port()+1).String()
		if ln, err := net.Listen("tcp", second); err == nil && at.Port() < 65535 {
			ln.Close()
			return first, second
		}
	}
	t.Fatal("no two ports beside each other are free")
	return "", ""
}

// run runs a line. One that serves is started, and has to answer.
func (d *docShell) run(page, text string) {
	d.t.Helper()
	text = d.names.Replace(text)
	if strings.HasPrefix(text, "assay serve ") && !strings.HasPrefix(text, "assay serve check-config") {
		d.interrupt()
		d.said.Reset()
		d.service = exec.Command("sh", "-c", "exec "+text)
		d.service.Dir, d.service.Env = d.dir, d.env
		d.service.Stdout, d.service.Stderr = &d.said, &d.said
		peers.Tie(d.service)
		if err := d.service.Start(); err != nil {
			d.t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			// Not a bare dial: one to a free port of loopback can reach itself.
			if answer, err := http.Get("http://" + d.address + "/healthz"); err == nil {
				answer.Body.Close()
				return
			}
			if time.Now().After(end) {
				d.interrupt()
				d.t.Fatalf("%s: %s does not answer: %s", page, text, d.said.String())
			}
		}
	}
	// Nothing else is run: a page may well have what changes the computer.
	if program, _, _ := strings.Cut(text, " "); program != "assay" && program != "assay-fleet" && program != "curl" && program != "kill" {
		d.t.Errorf("%s: %s is not run here: internal/house has to say why", page, text)
		return
	}
	cmd := exec.CommandContext(d.t.Context(), "sh", "-c", text)
	cmd.Dir, cmd.Env = d.dir, d.env
	peers.Tie(cmd)
	out, err := cmd.CombinedOutput()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		d.t.Fatalf("%s: %s: %v", page, text, err)
	}
	if err != nil {
		d.t.Errorf("%s: %s\n%v\n%s", page, text, err, out)
	}
	if strings.HasSuffix(text, "/check") && !strings.Contains(string(out), `"verdict"`) {
		d.t.Errorf("%s: %s\nbrings no report: %s", page, text, out)
	}
	_, want, said := strings.Cut(text, "    # ")
	for part := range strings.SplitSeq(want, ", ") {
		if said && !strings.Contains(string(out), part) {
			d.t.Errorf("%s: %s\ndoes not say %q\n%s", page, text, part, out)
		}
	}
}

// interrupt ends the service as Ctrl-C does.
func (d *docShell) interrupt() {
	if d.service == nil {
		return
	}
	d.service.Process.Signal(syscall.SIGINT)
	timer := time.AfterFunc(30*time.Second, func() { d.service.Process.Kill() })
	d.service.Wait()
	timer.Stop()
	if code := d.service.ProcessState.ExitCode(); code != 130 && code != 0 {
		d.t.Errorf("%v: exit status %d: %s", d.service.Args, code, d.said.String())
	}
	d.service = nil
}

// The settings on the page of the API are read: those of the service by itself, those
// of Prometheus by promtool where it is installed.
func TestDocSettings(t *testing.T) {
	blocks, err := house.BlocksFor("../..", "docs/serve.md", "fleet/command TestDocSettings")
	if err != nil || len(blocks) != 2 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	for _, b := range blocks {
		name := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(name, []byte(b.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(b.Text, "web:") {
			_, _, settings, err := readConfig(name)
			if err != nil {
				t.Error(err)
			}
			if got := fmt.Sprintf("%+v", settings); !strings.Contains(got, "10.0.0.0/8") || got == fmt.Sprintf("%+v", web.Settings{}) {
				t.Errorf("%s", got)
			}
			continue
		}
		var prometheus struct {
			Jobs []struct {
				Path    string              `yaml:"metrics_path"`
				Params  map[string][]string `yaml:"params"`
				Relabel []map[string]any    `yaml:"relabel_configs"`
			} `yaml:"scrape_configs"`
		}
		if err := yaml.Unmarshal([]byte(b.Text), &prometheus); err != nil || len(prometheus.Jobs) != 1 || prometheus.Jobs[0].Path != "/probe" || len(prometheus.Jobs[0].Relabel) != 3 {
			t.Errorf("%v %+v", err, prometheus)
		}
		promtool, err := exec.LookPath("promtool")
		if err != nil {
			t.Log("promtool is not installed")
			continue
		}
		if out, err := exec.Command(promtool, "check", "config", name).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}
