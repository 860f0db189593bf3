package finding

var revocationKinds = []Kind{}
