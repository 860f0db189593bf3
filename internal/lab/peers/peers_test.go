package peers

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A program of which a part is in a package that is not installed is as good as
// not installed: its tests are skipped and do not fail.
func TestHalfInstalled(t *testing.T) {
	t.Setenv("PATH", "")
	root := t.TempDir()
	install := func(path string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, needs := range parts {
		programs := needs.programs
		if name != "nginx mail" {
			programs = append([]string{name}, programs...)
		}
		left := len(programs) + len(needs.files)
		step := func(path string) {
			if p, lack := find(root, name); lack == "" || p != "" {
				t.Errorf("%s is found at %q, without %s", name, p, path)
			}
			install(path)
			left--
		}
		for _, p := range programs {
			step("/usr/sbin/" + p)
		}
		for _, f := range needs.files {
			step(strings.ReplaceAll(f, "*", ""))
		}
		if p, lack := find(root, name); lack != "" || left != 0 {
			t.Errorf("%s at %q lacks %q, though all is installed", name, p, lack)
		}
	}
	for _, name := range []string{"dovecot", "nginx mail"} {
		if len(parts[name].files) == 0 {
			t.Errorf("%s needs nothing beside its program?", name)
		}
	}
	if _, lack := find(root, "haproxy"); lack != "the program haproxy is not installed" {
		t.Errorf("haproxy: %q", lack)
	}
}

// The quick run of .ci/run asks no program that it did not install, whatever
// version of it the machine has.
func TestQuickRunAsksItsOwn(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	t.Setenv("ASSAY_REQUIRE_PEERS", "1")
	for _, full := range []string{"", "1"} {
		t.Setenv("ASSAY_FULL", full)
		for _, name := range []string{"haproxy", "nats-server", "node26"} {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Run(name, func(t *testing.T) {
				t.Cleanup(func() {
					if t.Skipped() != (full == "") {
						t.Errorf("ASSAY_FULL=%q: skipped is %v", full, t.Skipped())
					}
				})
				Path(t, name)
			})
		}
	}
}

// The full run of .ci/run installs exactly what the tests ask for.
func TestInstalledByCI(t *testing.T) {
	b, err := os.ReadFile("../../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	script := string(b)
	if found := regexp.MustCompile(`\S+/cmd/\S+@v[0-9.]+`).FindAllString(script, -1); len(found) < len(built) {
		t.Errorf("it installs %d programs, the tests know %d", len(found), len(built))
	}
	for name, pkg := range built {
		if !strings.Contains(script, pkg+"\n") {
			t.Errorf(".ci/run does not install %s as %s", name, pkg)
		}
	}
	_, packages, _ := strings.Cut(script, "packages=(")
	packages, _, _ = strings.Cut(packages, "missing=")
	for _, name := range heavy {
		if !strings.Contains(packages, name) && !strings.Contains(packages, packageOf[name]) {
			t.Errorf(".ci/run does not install %s", name)
		}
	}
}

// packageOf names the packages that are not called like their program.
var packageOf = map[string]string{"exim4": "exim4-daemon-light", "dovecot": "dovecot-core", "danted": "dante-server",
	"postgres": "postgresql", "mariadbd": "mariadb-server", "mariadb-install-db": "mariadb-server", "sshd": "openssh-server",
	"nnrpd": "inn2", "tsql": "freetds-bin", "named": "bind9"}
