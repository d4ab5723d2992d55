// Each of a file's system calls failing in turn, in every way in which it may.
import { testFaults } from '../hdf5/faults.js';

testFaults(0, 1800);
