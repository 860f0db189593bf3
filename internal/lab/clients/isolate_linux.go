package clients

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Inside reports whether this process is in the exam's namespace: started by Enter, with another mount and network
// namespace than its parent's, with one user and with no interface but loopback. The variable alone is not believed: the
// exam mounts files over the system's.
func Inside() bool { return isInside() }

var isInside = sync.OnceValue(func() bool {
	parent, marked := os.LookupEnv(inside)
	if !marked {
		return false
	}
	outer, inner := strings.Fields(parent), namespaces()
	if len(outer) != 2 || len(inner) != 2 || outer[0] == inner[0] || outer[1] == inner[1] {
		return false
	}
	ids, err := os.ReadFile("/proc/self/uid_map")
	if f := strings.Fields(string(ids)); err != nil || len(f) != 3 || f[0] != "0" || f[2] != "1" {
		return false
	}
	links, err := net.Interfaces()
	return err == nil && !slices.ContainsFunc(links, func(l net.Interface) bool { return l.Flags&net.FlagLoopback == 0 && l.Flags&net.FlagUp != 0 })
})

// namespaces names this process's mount and network namespaces.
func namespaces() (names []string) {
	for _, kind := range []string{"mnt", "net"} {
		name, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil || !strings.HasPrefix(name, kind+":[") {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// Enter runs this program again, with the same arguments, in namespaces of its own and returns its exit
// status. ErrNoNamespace when there can be none.
func Enter() (status int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), inside+"="+strings.Join(namespaces(), " "))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGTERM,
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("%w (%v)", ErrNoNamespace, err)
	}
	err = cmd.Wait()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return ended.ExitCode(), nil
	}
	return 0, err
}

// CanEnter tries whether a namespace can be had.
func CanEnter() error {
	cmd := exec.Command("/proc/self/exe", "version")
	cmd.Args[0] = "assay" // a test's program is the command by this name alone, and else would run all its tests
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w (%v)", ErrNoNamespace, err)
	}
	return cmd.Wait()
}

// loopback brings up the loopback interface of a new network namespace.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var req struct { // struct ifreq of netdevice(7)
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(req.name[:], "lo")
	req.flags = unix.IFF_UP | unix.IFF_RUNNING
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&req))); errno != 0 {
		return fmt.Errorf("loopback: %w", errno)
	}
	return nil
}

// furnish makes the namespace the lab's: only loopback, its names in the hosts file, its roots in the places
// where programs look for the system's.
func (p *place) furnish(hosts []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mounts of its own: %w", err)
	}
	for name, text := range map[string]string{
		"/etc/hosts":         "127.0.0.1 localhost " + strings.Join(hosts, "\n127.0.0.1 ") + "\n",
		"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
		"/etc/resolv.conf":   "",
	} {
		if err := p.over(name, text); err != nil {
			return err
		}
	}
	for _, bundle := range []string{"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"} {
		if err := p.bind(p.root, bundle); err != nil {
			return err
		}
	}
	b, err := os.ReadFile(p.root)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.rootDir, "ca-certificates.crt"), b, 0o644); err != nil {
		return err
	}
	return p.bind(p.rootDir, "/etc/ssl/certs")
}

// over puts a file with this text over an existing one.
func (p *place) over(name, text string) error {
	file := filepath.Join(p.dir, strings.ReplaceAll(name[1:], "/", "-"))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	return p.bind(file, name)
}

// bind mounts from over name, where there is something.
func (p *place) bind(from, name string) error {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil // nobody looks there on this machine
	}
	if err := unix.Mount(from, real, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// bindUntil mounts from over name, which is there, until undo is called.
func (p *place) bindUntil(from, name string) (undo func(), err error) {
	if err := p.bind(from, name); err != nil {
		return nil, err
	}
	return func() { _ = unix.Unmount(name, unix.MNT_DETACH) }, nil // the mount ends with the namespace at the latest
}
