package peers

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

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
	"postgres": "postgresql", "mariadbd": "mariadb-server", "mariadb-install-db": "mariadb-server", "sshd": "openssh-server"}
