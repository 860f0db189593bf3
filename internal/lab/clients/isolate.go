package clients

import "errors"

// Isolation is how the exam is kept apart from the machine.
type Isolation string

// The ways.
const (
	// Auto is Namespace where it can be had, else None.
	Auto Isolation = "auto"
	// Namespace is a user, mount and network namespace of Linux: only loopback, names by a hosts file, and the
	// lab's roots as the system's trust.
	Namespace Isolation = "namespace"
	// None leads clients to the address, or through a proxy on loopback; name questions that need
	// a name are not asked of clients that heed no proxy.
	None Isolation = "none"
)

// Isolations are the words.
var Isolations = []string{string(Auto), string(Namespace), string(None)}

// ErrNoNamespace says that this machine lets no program make one.
var ErrNoNamespace = errors.New("this machine lets an unprivileged program make no namespace")

// inside is the variable that tells a process that it is in the namespace.
const inside = "ASSAY_EXAM_INSIDE"
