package finding

var connectionKinds = []Kind{}
