// Some of a file's system calls failing, in every way in which they may; test/stress has all of them.
import { testFaults } from './faults.js';

testFaults(3, 300);
