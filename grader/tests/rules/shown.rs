const SHOWN: &[Shown] = &[];
